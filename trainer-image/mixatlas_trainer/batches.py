"""Global batches: batch i is a function of the trial file and i, whoever computes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from mixatlas.contract.canonical import Record
from mixatlas.contract.errors import ContractViolation
from mixatlas.contract.manifest import CorpusManifest
from mixatlas.contract.trial import TrialFile
from mixatlas_trainer.mixing import Mixer
from mixatlas_trainer.stream import Cursor, DomainStream, Sample, ShardOpener, view_of


class PlannerState(Record):
    """Where the sample order stands: a few numbers a domain, in the mixture's order."""

    batch: int
    taken: tuple[int, ...]
    cursors: tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GlobalBatch:
    """The samples of one optimiser step, on all workers together.

    Attributes:
        number: From 0.
        samples: In the order in which the mixer took them.
        tokens: Manifest tokens of the samples.
        total: Manifest tokens up to and including this batch.
        after: The planner's state once this batch is taken.
    """

    number: int
    samples: tuple[Sample, ...]
    tokens: int
    total: int
    after: PlannerState


@final
class BatchPlanner:
    """Puts a trial's samples in order and cuts the order into global batches.

    A batch ends with the sample that brings the total to the next multiple of
    `globalBatchTokens`, so the mean size is exact and no error builds up.

    Args:
        ppm: Weight of each domain.
        streams: One a domain, in the same order.
        batch_tokens: Manifest tokens of a batch.
    """

    def __init__(
        self, ppm: Sequence[int], streams: Sequence[DomainStream], *, batch_tokens: int
    ) -> None:
        self._mixer = Mixer(ppm)
        self._streams = streams
        self._batch_tokens = batch_tokens
        self._number = 0

    def restore(self, state: PlannerState) -> None:
        """Go on after the batch whose `after` this is."""
        self._number = state.batch
        self._mixer.restore(state.taken)
        for stream, (epoch, shard, sample) in zip(self._streams, state.cursors, strict=True):
            stream.restore(Cursor(epoch=epoch, shard=shard, sample=sample))

    def next_batch(self) -> GlobalBatch:
        """Take the next batch. Blocks while shards are downloaded.

        Raises:
            CorpusInvalid: A shard or a sample is not what it must be.
        """
        before = self._mixer.total
        samples: list[Sample] = []
        while self._mixer.total // self._batch_tokens == before // self._batch_tokens:
            domain, _ = self._mixer.take(lambda d: self._streams[d].peek().record.tokens)
            samples.append(self._streams[domain].pop())
        self._number += 1
        return GlobalBatch(
            number=self._number - 1,
            samples=tuple(samples),
            tokens=self._mixer.total - before,
            total=self._mixer.total,
            after=self._state(),
        )

    def _state(self) -> PlannerState:
        cursors = (stream.cursor for stream in self._streams)
        # Built anew a batch from our own integers: nothing to validate.
        return PlannerState.model_construct(
            batch=self._number,
            taken=self._mixer.taken,
            cursors=tuple((c.epoch, c.shard, c.sample) for c in cursors),
        )


def share_of(samples: Sequence[Sample], worker: int, n_workers: int) -> Sequence[Sample]:
    """Return one worker's part of a global batch; all parts together are the batch."""
    return samples[worker::n_workers]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialStreams:
    """The domains of a trial: what may be seen of each, and their streams.

    Attributes:
        names: Domains in the mixture's order.
        tokens: Manifest tokens visible in each: one epoch.
        planner: Gives the global batches.
    """

    names: tuple[str, ...]
    tokens: tuple[int, ...]
    planner: BatchPlanner


def open_streams(trial: TrialFile, manifest: CorpusManifest, opener: ShardOpener) -> TrialStreams:
    """Set up the sample order of a trial, at its beginning. Downloads nothing without a cut.

    Raises:
        ContractViolation: The mixture names a domain that the corpus lacks.
        CorpusInvalid: As `ShardOpener.open`, for the shards that a cut goes through.
    """
    domains = {domain.name: domain for domain in manifest.domains}
    missing = [w.domain for w in trial.mixture if w.domain not in domains]
    if missing:
        raise ContractViolation(
            f"mixture: domain {missing[0]!r} is not in {trial.corpus.manifest}",
            hint=f"The corpus has: {', '.join(sorted(domains))}.",
        )
    views = [view_of(domains[w.domain], trial.corpus.cut, opener) for w in trial.mixture]
    streams = [
        DomainStream(number, view, seed=trial.seed, opener=opener)
        for number, view in enumerate(views)
    ]
    return TrialStreams(
        names=tuple(w.domain for w in trial.mixture),
        tokens=tuple(view.tokens for view in views),
        planner=BatchPlanner(
            [w.ppm for w in trial.mixture],
            streams,
            batch_tokens=trial.trainer.global_batch_tokens,
        ),
    )
