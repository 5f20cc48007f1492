from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from mixatlas.contract.errors import ContractViolation
from mixatlas.contract.mixture import PPM
from mixatlas_trainer.batches import BatchPlanner, GlobalBatch, open_streams, share_of
from mixatlas_trainer.cache import Cache
from mixatlas_trainer.objects import Objects
from mixatlas_trainer.stream import Sample, ShardOpener
from trainer_builders import Corpus, build_corpus, build_trial

MIXTURE = {"chart.ocr": 300_000, "photo.vqa": 699_990, "text.other": 10}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    domains = {"chart.ocr": 40, "photo.vqa": 60, "screen.ocr": 10, "text.other": 30}
    return build_corpus(tmp_path_factory.mktemp("corpus"), domains)


@pytest.fixture
def opener(corpus: Corpus, tmp_path: Path) -> Iterator[ShardOpener]:
    opener = ShardOpener(Cache(tmp_path / "cache", 1 << 30, Objects({})), corpus.uri)
    yield opener
    opener.close()


def planner_of(corpus: Corpus, opener: ShardOpener, seed: int = 7) -> BatchPlanner:
    trial = build_trial(corpus, Path(), mixture=MIXTURE, seed=seed)
    return open_streams(trial, corpus.manifest, opener).planner


def keys(samples: tuple[Sample, ...]) -> list[tuple[str, int]]:
    return [(sample.shard.where, sample.index) for sample in samples]


def batches(planner: BatchPlanner, n: int) -> list[GlobalBatch]:
    return [planner.next_batch() for _ in range(n)]


def test_global_batches_are_the_same_for_one_and_three_workers(
    corpus: Corpus, opener: ShardOpener
) -> None:
    alone = [sorted(keys(b.samples)) for b in batches(planner_of(corpus, opener), 12)]
    # Each worker computes the order by itself and takes its part.
    parts = [
        [keys(tuple(share_of(b.samples, w, 3))) for b in batches(planner_of(corpus, opener), 12)]
        for w in range(3)
    ]

    assert [sorted(a + b + c) for a, b, c in zip(*parts, strict=True)] == alone
    assert all(all(part) for part in parts)


def test_two_seeds_of_one_mixture_see_other_samples(corpus: Corpus, opener: ShardOpener) -> None:
    first, second = (batches(planner_of(corpus, opener, seed), 1)[0] for seed in (7, 8))

    assert set(keys(first.samples)) != set(keys(second.samples))


def test_batches_end_with_the_sample_that_fills_them(corpus: Corpus, opener: ShardOpener) -> None:
    made = batches(planner_of(corpus, opener), 30)
    size = 120  # of the trial's settings

    for batch in made:
        last = batch.samples[-1].record.tokens
        assert batch.total // size == batch.number + 1
        assert (batch.total - last) // size == batch.number
    assert made[-1].total == sum(batch.tokens for batch in made)


def test_token_shares_follow_the_mixture_at_every_batch(
    corpus: Corpus, opener: ShardOpener
) -> None:
    taken = dict.fromkeys(range(3), 0)
    longest = 0
    for batch in batches(planner_of(corpus, opener), 40):
        for sample in batch.samples:
            taken[sample.domain] += sample.record.tokens
            longest = max(longest, sample.record.tokens)
        for number, ppm in enumerate(MIXTURE.values()):
            assert abs(taken[number] - batch.total * ppm / PPM) <= longest


@pytest.mark.parametrize("n_before", [1, 7, 25])
def test_a_restored_planner_gives_the_same_batches(
    corpus: Corpus, opener: ShardOpener, n_before: int
) -> None:
    planner = planner_of(corpus, opener)
    state = batches(planner, n_before)[-1].after
    resumed = planner_of(corpus, opener)
    resumed.restore(type(state).model_validate_json(state.to_bytes()))

    for one, other in zip(batches(planner, 5), batches(resumed, 5), strict=True):
        assert keys(one.samples) == keys(other.samples)
        assert (one.number, one.total) == (other.number, other.total)


def test_a_domain_that_the_corpus_lacks_is_named(corpus: Corpus, opener: ShardOpener) -> None:
    trial = build_trial(corpus, Path(), mixture={"photo.ocr": PPM})

    with pytest.raises(ContractViolation, match=r"'photo.ocr' is not in .*manifest.json"):
        open_streams(trial, corpus.manifest, opener)


def data_path_peak(corpus: Corpus, cache: Path) -> tuple[int, int]:
    """Stream 6,000 tokens; return traced bytes at the peak and the most files open."""
    opener = ShardOpener(Cache(cache, 1 << 30, Objects({})), corpus.uri)
    n_before = len(list(Path("/proc/self/fd").iterdir()))
    tracemalloc.start()
    planner = open_streams(build_trial(corpus, Path()), corpus.manifest, opener).planner
    most_open = total = 0
    while total < 6000:
        batch = planner.next_batch()
        total = batch.total
        n_open = len(list(Path("/proc/self/fd").iterdir())) - n_before
        most_open = max(most_open, n_open)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    opener.close()
    return peak, most_open


def test_memory_and_open_files_do_not_grow_with_the_corpus(tmp_path: Path) -> None:
    small, large = (
        build_corpus(tmp_path / str(n), {"photo.vqa": 10 * n, "text.other": 10 * n}, shards=n)
        for n in (2, 60)
    )
    data_path_peak(small, tmp_path / "cache")  # what Python itself keeps after a first use
    (small_peak, _), (large_peak, most_open) = (
        data_path_peak(corpus, tmp_path / "cache") for corpus in (small, large)
    )

    # Of each domain: the current shard, the next one, and one whose samples are still in a batch.
    assert most_open <= 2 * 3
    # Two shards fetched ahead at once are hashed in buffers of 256 KiB; the corpus has 1.5 MB.
    assert large_peak < small_peak + 600_000
