from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from mixatlas.contract.trainer_config import TrainerConfig
from mixatlas_trainer.batches import open_streams
from mixatlas_trainer.cache import Cache
from mixatlas_trainer.collate import Collator
from mixatlas_trainer.feed import Feed, FeedEnded, ReadyBatch, make_ready
from mixatlas_trainer.model import build_model
from mixatlas_trainer.objects import Objects
from mixatlas_trainer.stream import ShardOpener
from mixatlas_trainer.text import TextEncoder
from mixatlas_trainer.train import Tally, Training, rate_at
from trainer_builders import Corpus, build_corpus, build_trial, model_config


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    folder = tmp_path_factory.mktemp("corpus")
    return build_corpus(folder, {"photo.vqa": 40, "text.other": 40})


@pytest.fixture
def opener(corpus: Corpus, tmp_path: Path) -> Iterator[ShardOpener]:
    opener = ShardOpener(Cache(tmp_path / "cache", 1 << 30, Objects({})), corpus.uri)
    yield opener
    opener.close()


def collator_of(corpus: Corpus) -> Collator:
    encoder = TextEncoder(corpus.root / "tokenizer", corpus.manifest.image_tokens)
    return Collator(encoder, sequence_length=64, image_size=24)


def batches(corpus: Corpus, opener: ShardOpener, micro_batch: int, n: int) -> list[ReadyBatch]:
    planner = open_streams(build_trial(corpus, Path()), corpus.manifest, opener).planner
    collator = collator_of(corpus)
    return [make_ready(planner.next_batch(), collator, micro_batch) for _ in range(n)]


def losses(corpus: Corpus, made: list[ReadyBatch]) -> list[float]:
    trial = build_trial(corpus, Path())
    training = Training(build_model(trial.trainer, None, seed=trial.seed), trial, Tally.empty(2))
    told = []
    for batch in made:
        assert training.step(batch) is None
        assert training.loss is not None
        told.append(training.loss)
    return told


def test_the_loss_does_not_depend_on_the_size_of_the_forward_passes(
    corpus: Corpus, opener: ShardOpener
) -> None:
    whole, split = (batches(corpus, opener, size, 6) for size in (64, 2))

    assert len(whole[0].micro) == 1
    assert len(split[0].micro) > 3
    assert losses(corpus, split) == pytest.approx(losses(corpus, whole), rel=1e-4)


def test_forward_passes_are_evenly_filled(corpus: Corpus, opener: ShardOpener) -> None:
    (batch,) = batches(corpus, opener, 5, 1)
    sizes = [len(micro.ids_nl) for micro in batch.micro]

    assert sum(sizes) == batch.samples.total()
    assert max(sizes) <= 5
    assert max(sizes) - min(sizes) <= 1


def test_only_the_named_parts_learn(corpus: Corpus, opener: ShardOpener) -> None:
    trial = build_trial(corpus, Path(), trainable=["projector"])
    training = Training(build_model(trial.trainer, None, seed=1), trial, Tally.empty(2))
    before = training.model.state()
    for batch in batches(corpus, opener, 64, 2):
        training.step(batch)
    changed = {
        name for name, value in training.model.state().items() if not value.equal(before[name])
    }

    assert changed
    assert all(".multi_modal_projector." in name for name in changed)


def test_dropout_is_drawn_from_the_seed_and_the_step(corpus: Corpus, opener: ShardOpener) -> None:
    trial = build_trial(corpus, Path(), model={"config": model_config(dropout=0.3)})
    made = batches(corpus, opener, 64, 2)

    def last_loss(noise: int) -> float | None:
        training = Training(build_model(trial.trainer, None, seed=1), trial, Tally.empty(2))
        training.model.model.train()
        for batch in made:
            torch.manual_seed(noise)  # what others drew in between must not matter
            training.step(batch)
        return training.loss

    assert last_loss(1) == last_loss(2)


def test_the_feed_ends_with_the_first_batch_at_the_budget(
    corpus: Corpus, opener: ShardOpener
) -> None:
    planner = open_streams(build_trial(corpus, Path()), corpus.manifest, opener).planner
    feed = Feed(planner, collator_of(corpus), micro_batch=8, budget=600, done=0)
    totals = [batch.total for batch in feed]
    feed.close()

    assert totals[-1] >= 600
    assert totals[-2] < 600


def test_an_error_in_the_feed_reaches_the_training(corpus: Corpus, opener: ShardOpener) -> None:
    planner = open_streams(build_trial(corpus, Path()), corpus.manifest, opener).planner
    feed = Feed(planner, None, micro_batch=8, budget=600, done=0)  # type: ignore[arg-type]

    with pytest.raises(AttributeError):
        next(iter(feed))
    feed.close()


def test_a_feed_that_is_left_early_ends(corpus: Corpus, opener: ShardOpener) -> None:
    planner = open_streams(build_trial(corpus, Path()), corpus.manifest, opener).planner
    feed = Feed(planner, collator_of(corpus), micro_batch=8, budget=10**9, done=0)
    next(iter(feed))
    feed.close()


def test_a_feed_whose_process_is_killed_says_so(corpus: Corpus, opener: ShardOpener) -> None:
    planner = open_streams(build_trial(corpus, Path()), corpus.manifest, opener).planner
    feed = Feed(planner, collator_of(corpus), micro_batch=8, budget=10**9, done=0)
    batches = iter(feed)
    next(batches)
    (child,) = multiprocessing.active_children()
    child.kill()

    with pytest.raises(FeedEnded, match="-9"):
        list(batches)
    feed.close()


def test_the_feed_ends_with_a_trainer_that_is_killed(corpus: Corpus, opener: ShardOpener) -> None:
    planner = open_streams(build_trial(corpus, Path()), corpus.manifest, opener).planner
    alive, held = multiprocessing.Pipe(duplex=False)

    def train() -> None:
        feed = Feed(planner, collator_of(corpus), micro_batch=8, budget=10**9, done=0)
        next(iter(feed))
        os.kill(os.getpid(), signal.SIGKILL)

    trainer = multiprocessing.get_context("fork").Process(target=train)
    trainer.start()
    held.close()
    trainer.join()

    # The pipe's other end is held by the trainer and by its feed: it closes with the last.
    assert alive.poll(30)
    with pytest.raises(EOFError):
        alive.recv()


@pytest.mark.parametrize(
    ("settings", "progress", "rate"),
    [
        ({}, 0.025, 0.5),
        ({}, 0.05, 1.0),
        ({}, 0.525, 0.525),
        ({}, 1.0, 0.05),
        ({}, 1.2, 0.05),
        ({"schedule": "Constant"}, 1.0, 1.0),
        ({"warmup": "0"}, 0.0001, 1.0),
        ({"warmup": "1"}, 0.5, 0.5),
        ({"warmup": "1"}, 1.0, 0.05),
    ],
)
def test_the_rate_warms_up_and_decays_by_tokens(
    settings: dict[str, str], progress: float, rate: float
) -> None:
    config = TrainerConfig.model_validate({"learningRate": "1", "warmup": "0.05"} | settings)

    assert rate_at(config, progress) == pytest.approx(rate, abs=1e-6)
