"""The samples of one domain in the order that a trial's seed draws.

Shards come in an order drawn from (seed, epoch, shard sha256), the samples of each shard in an
order drawn from the same; a further epoch draws anew. A shard is opened when its first sample is
needed and the next one is fetched ahead, so a trial downloads about its own tokens, and memory
holds the index of two shards a domain, whatever the corpus's size.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
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
class ShardView:
    """A shard and which of its samples a trial may see; None means all of them."""

    shard: Shard
    visible: Order | None
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
        views: Shards with what is visible of each; at least one sample in all.
        seed: The trial's seed.
        opener: Opens shards.
    """

    def __init__(
        self, number: int, views: Sequence[ShardView], *, seed: int, opener: ShardOpener
    ) -> None:
        self._number = number
        self._views = views
        self._seed = seed
        self._opener = opener
        self._shards: list[ShardView] = []
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

    def _drawn(self, epoch: int) -> list[ShardView]:
        return sorted(self._views, key=lambda view: _draw(self._seed, epoch, view.shard.sha256, 32))

    def _enter_shard(self) -> None:
        view = self._shards[self._shard]
        sha256 = view.shard.sha256
        if self._open is None or sha256 != self._open_sha256:
            self._open, self._open_sha256 = self._opener.open(view.shard), sha256
        self._order = sample_order(self._seed, self._epoch, sha256, len(self._open))
        if view.visible is not None:
            self._order = self._order[np.isin(self._order, view.visible)]

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
        if following.shard.sha256 != self._open_sha256:
            self._opener.fetch_ahead(following.shard)


def shard_views(domain: Domain, cut: Cut | None, opener: ShardOpener) -> list[ShardView]:
    """Return what a trial may see of a domain.

    Args:
        domain: A domain of the corpus.
        cut: None for all of it; else the first ceil(fraction·tokens) tokens in the stream order
            of the cut's seed. A larger fraction with the same seed contains a smaller one.
        opener: Opens the one shard that the cut goes through.
    """
    if cut is None:
        return [ShardView(shard=s, visible=None, tokens=s.tokens) for s in domain.shards]
    left = -(-domain.tokens * cut.fraction_ppm // PPM)
    views: list[ShardView] = []
    for shard in sorted(domain.shards, key=lambda s: _draw(cut.seed, 0, s.sha256, 32)):
        if left <= 0:
            break
        if shard.tokens <= left:
            views.append(ShardView(shard=shard, visible=None, tokens=shard.tokens))
        else:
            views.append(_view_of_part(shard, left, cut.seed, opener))
        left -= shard.tokens
    return views


def sample_order(seed: int, epoch: int, sha256: str, n: int) -> Order:
    """Draw the order of a shard's `n` samples: a permutation, the same on every platform."""
    keys = np.frombuffer(_draw(seed, epoch, f"{sha256}/samples", 8 * n), dtype=">u8")
    return np.argsort(keys, kind="stable").astype(np.int64)


def _view_of_part(shard: Shard, tokens: int, seed: int, opener: ShardOpener) -> ShardView:
    opened = opener.open(shard)
    taken, visible = 0, []
    for index in sample_order(seed, 0, shard.sha256, len(opened)):
        if taken >= tokens:
            break
        visible.append(int(index))
        taken += opened.record(int(index), SampleRecord).tokens
    return ShardView(shard=shard, visible=np.array(visible, np.int64), tokens=taken)


def _draw(seed: int, epoch: int, name: str, n_bytes: int) -> bytes:
    """Draw bytes from a seed and a content's name, never from a position."""
    return hashlib.shake_256(f"{seed}/{epoch}/{name}".encode()).digest(n_bytes)
