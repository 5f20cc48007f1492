"""The samples of one domain in the order that a trial's seed draws.

Shards come in an order drawn from (seed, epoch, shard sha256), the samples of each shard in an
order drawn from the same; a further epoch draws anew. A shard is opened when its first sample is
needed and the next one is fetched ahead, so a trial downloads about its own tokens, and memory
holds the index of two shards a domain, whatever the corpus's size.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import final

import numpy as np
import numpy.typing as npt

from mixatlas.contract.errors import CorpusInvalid
from mixatlas.contract.manifest import Domain, SampleRecord, Shard
from mixatlas.contract.mixture import PPM
from mixatlas.contract.trial import Cut
from mixatlas_trainer.cache import Cache
from mixatlas_trainer.objects import resolve
from mixatlas_trainer.shards import OpenShard

Order = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One sample of a domain, not yet decoded."""

    domain: int
    record: SampleRecord
    shard: OpenShard
    index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """Where a stream stands: the next sample is `sample` of `shard`, both in drawn order."""

    epoch: int = 0
    shard: int = 0
    sample: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainView:
    """What a trial may see of a domain.

    Attributes:
        shards: Those with at least one visible sample.
        partly: By sha256, the visible samples of a shard that a cut goes through.
        tokens: Manifest tokens of what is visible: one epoch.
    """

    shards: Sequence[Shard]
    partly: Mapping[str, Order]
    tokens: int


@final
class ShardOpener:
    """Opens shards of one corpus, and fetches those that will be needed next.

    Args:
        cache: Where shards are kept.
        manifest_uri: What shard URLs are relative to.
    """

    def __init__(self, cache: Cache, manifest_uri: str) -> None:
        self._cache = cache
        self._manifest_uri = manifest_uri
        self._ahead: dict[str, Future[OpenShard]] = {}
        self._pool = ThreadPoolExecutor(2, thread_name_prefix="prefetch")

    def open(self, shard: Shard) -> OpenShard:
        """Return a shard with its index. Blocks while it is downloaded.

        Raises:
            CorpusInvalid: It is missing, damaged, malicious, or holds another number of samples.
        """
        fetched = self._ahead.pop(shard.sha256, None)
        return fetched.result() if fetched else self._open(shard)

    def fetch_ahead(self, shard: Shard) -> None:
        """Begin to download and index a shard in the background."""
        if shard.sha256 not in self._ahead:
            self._ahead[shard.sha256] = self._pool.submit(self._open, shard)

    def close(self) -> None:
        """Forget what was fetched ahead and end the threads after their current download."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._ahead.clear()

    def _open(self, shard: Shard) -> OpenShard:
        uri = resolve(self._manifest_uri, shard.url)
        opened = OpenShard(self._cache.open(uri, shard.sha256), uri)
        if len(opened) != shard.samples:
            raise CorpusInvalid(
                f"{uri} holds {len(opened)} samples, and the manifest says {shard.samples}"
            )
        return opened


@final
class DomainStream:
    """An endless stream over one domain.

    Args:
        number: The domain's number in the trial, put on its samples.
        view: What the trial may see; at least one sample.
        seed: The trial's seed.
        opener: Opens shards.
    """

    def __init__(self, number: int, view: DomainView, *, seed: int, opener: ShardOpener) -> None:
        self._number = number
        self._view = view
        self._seed = seed
        self._opener = opener
        self._shards: list[Shard] = []
        self._open: OpenShard | None = None
        self._open_sha256 = ""
        self._order: Order = np.empty(0, np.int64)
        self._head: Sample | None = None
        self.restore(Cursor())

    @property
    def cursor(self) -> Cursor:
        """Where the stream stands; `restore` goes on from there."""
        return Cursor(epoch=self._epoch, shard=self._shard, sample=self._sample)

    def restore(self, cursor: Cursor) -> None:
        """Go to a place that `cursor` gave, without reading what lies before it."""
        self._epoch, self._shard, self._sample = cursor.epoch, cursor.shard, cursor.sample
        self._shards = self._drawn(self._epoch)
        self._order = np.empty(0, np.int64)
        self._head = None

    def peek(self) -> Sample:
        """Return the next sample and leave it there. May block on a download.

        Raises:
            CorpusInvalid: As `ShardOpener.open`, or the sample's record is broken.
        """
        if self._head is None:
            if not len(self._order):
                self._enter_shard()
            assert self._open is not None  # noqa: S101  set by _enter_shard
            index = int(self._order[self._sample])
            record = self._open.record(index, SampleRecord)
            self._head = Sample(domain=self._number, record=record, shard=self._open, index=index)
        return self._head

    def pop(self) -> Sample:
        """Return the next sample and go past it. Errors as `peek`."""
        sample = self.peek()
        self._head = None
        self._sample += 1
        if self._sample == len(self._order):
            self._leave_shard()
        elif self._sample == (len(self._order) + 1) // 2:
            self._opener_fetches_next()
        return sample

    def _drawn(self, epoch: int) -> list[Shard]:
        return _in_drawn_order(self._view.shards, self._seed, epoch)

    def _enter_shard(self) -> None:
        shard = self._shards[self._shard]
        if self._open is None or shard.sha256 != self._open_sha256:
            self._open, self._open_sha256 = self._opener.open(shard), shard.sha256
        self._order = sample_order(self._seed, self._epoch, shard.sha256, len(self._open))
        visible = self._view.partly.get(shard.sha256)
        if visible is not None:
            self._order = self._order[np.isin(self._order, visible)]

    def _leave_shard(self) -> None:
        self._order = np.empty(0, np.int64)
        self._sample = 0
        self._shard += 1
        if self._shard == len(self._shards):
            self._epoch, self._shard = self._epoch + 1, 0
            self._shards = self._drawn(self._epoch)

    def _opener_fetches_next(self) -> None:
        # At the half, not at the start: a trial that ends inside its first shards should not
        # have downloaded as many again.
        if self._shard + 1 < len(self._shards):
            following = self._shards[self._shard + 1]
        else:
            following = self._drawn(self._epoch + 1)[0]
        if following.sha256 != self._open_sha256:
            self._opener.fetch_ahead(following)


def view_of(domain: Domain, cut: Cut | None, opener: ShardOpener) -> DomainView:
    """Return what a trial may see of a domain.

    Args:
        domain: A domain of the corpus.
        cut: None for all of it; else the first ceil(fraction·tokens) tokens in the stream order
            of the cut's seed. A larger fraction with the same seed contains a smaller one.
        opener: Opens the one shard that the cut goes through.

    Raises:
        CorpusInvalid: As `ShardOpener.open`, for that shard.
    """
    if cut is None:
        return DomainView(shards=domain.shards, partly={}, tokens=domain.tokens)
    limit = -(-domain.tokens * cut.fraction_ppm // PPM)
    shards: list[Shard] = []
    partly: dict[str, Order] = {}
    tokens = 0
    for shard in _in_drawn_order(domain.shards, cut.seed, 0):
        if tokens >= limit:
            break
        shards.append(shard)
        if tokens + shard.tokens <= limit:
            tokens += shard.tokens
        else:
            partly[shard.sha256], taken = _first_samples(shard, limit - tokens, cut.seed, opener)
            tokens += taken
    return DomainView(shards=shards, partly=partly, tokens=tokens)


def sample_order(seed: int, epoch: int, sha256: str, n: int) -> Order:
    """Draw the order of a shard's `n` samples: a permutation, the same on every platform."""
    keys = np.frombuffer(_draw(seed, epoch, f"{sha256}/samples", 8 * n), dtype=">u8")
    return np.argsort(keys, kind="stable").astype(np.int64)


def _first_samples(shard: Shard, tokens: int, seed: int, opener: ShardOpener) -> tuple[Order, int]:
    """Return the samples that come first in the seed's order up to `tokens`, and their tokens."""
    opened = opener.open(shard)
    taken, visible = 0, []
    for index in sample_order(seed, 0, shard.sha256, len(opened)):
        if taken >= tokens:
            break
        visible.append(int(index))
        taken += opened.record(int(index), SampleRecord).tokens
    return np.array(visible, np.int64), taken


def _in_drawn_order(shards: Sequence[Shard], seed: int, epoch: int) -> list[Shard]:
    return sorted(shards, key=lambda shard: _draw(seed, epoch, shard.sha256, 32))


def _draw(seed: int, epoch: int, name: str, n_bytes: int) -> bytes:
    """Draw bytes from a seed and a content's name, never from a position."""
    return hashlib.shake_256(f"{seed}/{epoch}/{name}".encode()).digest(n_bytes)
