from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mixatlas.contract.errors import CorpusInvalid
from mixatlas.contract.manifest import Domain
from mixatlas.contract.mixture import PPM
from mixatlas.contract.trial import Cut
from mixatlas_trainer.cache import Cache
from mixatlas_trainer.objects import Objects
from mixatlas_trainer.stream import DomainStream, Sample, ShardOpener, sample_order, view_of
from trainer_builders import Corpus, build_corpus

N = 24


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return build_corpus(tmp_path_factory.mktemp("corpus"), {"text.other": N}, shards=3)


@pytest.fixture
def opener(corpus: Corpus, tmp_path: Path) -> Iterator[ShardOpener]:
    opener = ShardOpener(Cache(tmp_path, 1 << 30, Objects({})), corpus.uri)
    yield opener
    opener.close()


def domain_of(corpus: Corpus) -> Domain:
    return corpus.manifest.domains[0]


def stream_of(
    corpus: Corpus, opener: ShardOpener, *, seed: int = 7, cut: Cut | None = None
) -> DomainStream:
    return DomainStream(0, view_of(domain_of(corpus), cut, opener), seed=seed, opener=opener)


def key(sample: Sample) -> tuple[str, int]:
    return sample.shard.where, sample.index


def test_an_epoch_gives_every_sample_once_and_the_next_one_another_order(
    corpus: Corpus, opener: ShardOpener
) -> None:
    stream = stream_of(corpus, opener)
    first = [key(stream.pop()) for _ in range(N)]
    second = [key(stream.pop()) for _ in range(N)]

    assert len(set(first)) == N
    assert set(second) == set(first)
    assert second != first


def test_another_seed_gives_another_order_and_the_same_seed_the_same(
    corpus: Corpus, opener: ShardOpener
) -> None:
    def order(seed: int) -> list[tuple[str, int]]:
        stream = stream_of(corpus, opener, seed=seed)
        return [key(stream.pop()) for _ in range(N)]

    assert order(7) == order(7)
    assert order(7) != order(8)


def test_the_order_does_not_depend_on_the_order_of_the_manifest(
    corpus: Corpus, opener: ShardOpener
) -> None:
    domain = domain_of(corpus)
    turned = domain.model_copy(update={"shards": domain.shards[::-1]})
    straight = stream_of(corpus, opener)
    other = DomainStream(0, view_of(turned, None, opener), seed=7, opener=opener)

    assert [key(straight.pop()) for _ in range(N)] == [key(other.pop()) for _ in range(N)]


@pytest.mark.parametrize("n_before", [0, 3, 8, 17, N, N + 5])
def test_a_cursor_goes_on_at_the_same_sample(
    corpus: Corpus, opener: ShardOpener, n_before: int
) -> None:
    stream = stream_of(corpus, opener)
    for _ in range(n_before):
        stream.pop()
    resumed = stream_of(corpus, opener)
    stream.peek()  # a look ahead is not a step
    resumed.restore(stream.cursor)

    assert [key(resumed.pop()) for _ in range(N)] == [key(stream.pop()) for _ in range(N)]


def test_nothing_is_opened_before_the_first_sample_is_asked_for(
    corpus: Corpus, tmp_path: Path
) -> None:
    empty = ShardOpener(Cache(tmp_path, 1 << 30, Objects({})), str(tmp_path / "manifest.json"))
    stream = stream_of(corpus, empty)

    with pytest.raises(CorpusInvalid, match="does not exist"):
        stream.peek()
    empty.close()


def epoch(corpus: Corpus, opener: ShardOpener, cut: Cut) -> list[Sample]:
    stream = stream_of(corpus, opener, cut=cut)
    samples: list[Sample] = []
    while stream.cursor.epoch == 0:
        samples.append(stream.pop())
    return samples


def cut_keys(corpus: Corpus, opener: ShardOpener, cut: Cut) -> set[tuple[str, int]]:
    return {key(sample) for sample in epoch(corpus, opener, cut)}


@pytest.mark.parametrize("fraction_ppm", [10_000, 300_000, 650_000, PPM])
def test_a_cut_holds_its_share_of_the_tokens(
    corpus: Corpus, opener: ShardOpener, fraction_ppm: int
) -> None:
    domain = domain_of(corpus)
    cut = Cut(fraction_ppm=fraction_ppm, seed=1)
    tokens = view_of(domain, cut, opener).tokens
    seen = {(s.shard.where, s.index): s.record.tokens for s in epoch(corpus, opener, cut)}

    assert tokens == sum(seen.values())
    # The sample that reaches the limit is in, and no sample here has more than 12 tokens.
    assert 0 <= tokens - domain.tokens * fraction_ppm / PPM < 12


def test_cuts_of_one_seed_are_nested_and_another_seed_cuts_elsewhere(
    corpus: Corpus, opener: ShardOpener
) -> None:
    small = cut_keys(corpus, opener, Cut(fraction_ppm=200_000, seed=1))
    large = cut_keys(corpus, opener, Cut(fraction_ppm=600_000, seed=1))
    other = cut_keys(corpus, opener, Cut(fraction_ppm=200_000, seed=2))

    assert small < large
    assert other != small


def test_a_manifest_with_another_number_of_samples_is_refused(
    corpus: Corpus, opener: ShardOpener
) -> None:
    shard = domain_of(corpus).shards[0].model_copy(update={"samples": 99})

    with pytest.raises(CorpusInvalid, match="holds 8 samples, and the manifest says 99"):
        opener.open(shard)


def test_an_order_is_a_permutation_that_no_platform_changes() -> None:
    order = sample_order(7, 0, "a" * 64, 8).tolist()

    assert sorted(order) == list(range(8))
    assert order == [2, 4, 6, 3, 7, 5, 0, 1]
