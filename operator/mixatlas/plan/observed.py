"""Everything that one pass knows, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mixatlas.contract.metrics import Metric
from mixatlas.contract.mixture import Mixture
from mixatlas.contract.result import Progress, TrialResult
from mixatlas.contract.trial import BaseRef, BenchmarkRef, TrialFile
from mixatlas.ledger.evidence import EvidenceRecord
from mixatlas.ledger.layout import Layout
from mixatlas.ledger.records import (
    AttemptRecord,
    Best,
    ObjectiveRecord,
    PredictedObjective,
    PredictionRecord,
    RoundRecord,
    SearchRecord,
    TrialOutcome,
    WinnerRecord,
)
from mixatlas.objective.scale import Benchmark, Scale
from mixatlas.space.space import MixtureSpace
from mixatlas.spec.model import MixtureSearch
from mixatlas.spec.view import View


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A search as accepted: the document in force and what was derived from it once.

    Args:
        record: What `search.json` holds.
        search: The document that `record` holds; immutable fields are read from here only.
        corpus: URI of the corpus manifest.
        view: The domains that are searched, and the cells of each.
        space: The feasible mixtures of those domains.
        baselines: `natural`, `uniform` and the document's own, by name.
        benchmarks: As they stand in trial files, in the objective's order.
        chance: Level of each benchmark that sees neither image nor question, own direction.
        base: The checkpoint that the user gave, or None where the search trains its own.
        layout: Names of the search's objects.
        warm_start: What its warm start was when it was accepted.
    """

    record: SearchRecord
    search: MixtureSearch
    corpus: str
    view: View
    space: MixtureSpace
    baselines: Mapping[str, Mixture]
    benchmarks: tuple[BenchmarkRef, ...]
    chance: Mapping[str, float]
    base: BaseRef | None
    layout: Layout
    warm_start: EvidenceRecord = field(default_factory=EvidenceRecord)

    @property
    def metrics(self) -> dict[str, Metric]:
        """Metric of each benchmark, in the objective's order."""
        return {benchmark.name: benchmark.metric for benchmark in self.benchmarks}

    @property
    def weights(self) -> dict[str, float]:
        """Weight of each benchmark in the objective, as the document states it."""
        return {b.name: float(b.weight) for b in self.search.spec.objective.benchmarks}

    @property
    def yardstick(self) -> tuple[Benchmark, ...]:
        """The benchmarks as the objective reads them, in its order."""
        return tuple(
            Benchmark(
                name=b.name,
                metric=b.metric,
                weight=self.weights[b.name],
                chance=self.chance[b.name],
            )
            for b in self.benchmarks
        )

    @property
    def scale(self) -> Scale:
        """The map from scores to the objective."""
        return Scale.of(self.search.spec.objective.scale, self.yardstick)

    @property
    def reference(self) -> Mixture:
        """The mixture that gains are measured against."""
        return self.baselines[self.search.spec.objective.reference]


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptState:
    """One attempt as its runner sees it.

    Args:
        name: Deterministic name, `NAME-UID5-t000017-a1`.
        trial: Number of the trial.
        attempt: Number of the attempt, from 1.
        digest: Digest of the trial file that it was started with.
        pod_uid: Names the folder of its results.
        image_id: Identity of the code that it ran.
        phase: `queued` waits for a quota; `pending` has not begun to run; `ended` will not run
            again.
        exit_code: Of an ended attempt; None when it is lost and nobody knows.
        signalled: A signal that was not ours ended it.
        is_stopped: Its own search has asked it to end, whether it has ended since or not.
        message: Termination message, else the end of its log.
        started: Seconds since 1970.
        ended: Seconds since 1970, or None.
        node: Where it ran.
        micro_batch_divisor: 1, or 2 after it ran out of memory.
        gpus: Number of GPUs that it holds; 1 where it holds none.
    """

    name: str
    trial: int
    attempt: int
    digest: str
    pod_uid: str
    image_id: str
    phase: Literal["queued", "pending", "running", "ended"]
    exit_code: int | None = None
    signalled: bool = False
    is_stopped: bool = False
    message: str = ""
    started: float = 0.0
    ended: float | None = None
    node: str = ""
    micro_batch_divisor: int = 1
    gpus: int = 1

    @property
    def can_be_stopped(self) -> bool:
        """Whether it goes on, and nobody of ours has asked it to end."""
        return self.phase != "ended" and not self.is_stopped

    @property
    def is_lost(self) -> bool:
        """Whether nobody can tell when, how, or even whether it ended."""
        return self.phase == "ended" and self.exit_code is None and self.ended is None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposedTrial:
    """One mixture that the proposer asks for."""

    mixture: Mixture
    why: str
    predicted: PredictedObjective | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposedRound:
    """The proposer's answer for one round."""

    trials: tuple[ProposedTrial, ...]
    basis: Literal["design", "surrogate", "fallback"]
    why: str
    expected_improvement: float | None = None
    hyperparameters: Mapping[str, tuple[float, ...]] | None = None
    best: Best | None = None


@dataclass(frozen=True, slots=True)
class Idle:
    """No proposal is being made."""


@dataclass(frozen=True, slots=True)
class Running:
    """A proposal is being made; `key` says which."""

    key: str


@dataclass(frozen=True, slots=True)
class Ready:
    """A proposal is there. `answer` is None when the space is exhausted."""

    key: str
    answer: ProposedRound | PredictionRecord | None


@dataclass(frozen=True, slots=True)
class Failed:
    """The worker failed or took too long."""

    key: str
    reason: str


ProposalState = Idle | Running | Ready | Failed


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ItemScores:
    """`items.csv` of one trial for one benchmark, rows sorted by item.

    Args:
        items: Ids.
        images: The hash that placed each item; items of one image share it.
        scores: In the metric's own direction.
    """

    items: tuple[str, ...]
    images: tuple[str, ...]
    scores: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A metav1 condition; `since` is when `status` last changed, in seconds since 1970."""

    type: str
    status: Literal["True", "False", "Unknown"]
    reason: str
    message: str
    since: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """The state of a search at one moment.

    Args:
        accepted: What was accepted.
        live: The document as it stands now; only its editable fields are read.
        drift: Immutable fields of `live` that differ from the accepted document.
        rounds: All recorded rounds.
        outcomes: All recorded outcomes.
        objective: The fixed objective, once there is one.
        predictions: Of each revision whose confirmation has begun.
        winners: Of each finished revision.
        attempts: What the runner knows.
        removed: Attempts of trials that have no outcome yet whose Jobs were removed.
        files: Trial files by digest, of attempts that carry another digest than their round.
        results: Results found of trials that have no outcome yet.
        progress: Last progress of running attempts, by trial.
        earlier: Outcomes of the searches that the warm start names, by digest.
        items: Item scores of confirmation trials that ended ok, by trial and benchmark.
        proposal: State of the proposer.
        conditions: As last written.
        slots: How many trials this place can run at once, whatever the document asks for.
        degraded: Reason and message of a trouble of the rim (storage), or None.
        now: Seconds since 1970.
    """

    accepted: Accepted
    live: MixtureSearch
    drift: tuple[str, ...] = ()
    rounds: tuple[RoundRecord, ...] = ()
    outcomes: tuple[TrialOutcome, ...] = ()
    objective: ObjectiveRecord | None = None
    predictions: tuple[PredictionRecord, ...] = ()
    winners: tuple[WinnerRecord, ...] = ()
    attempts: tuple[AttemptState, ...] = ()
    removed: Mapping[int, tuple[AttemptRecord, ...]] = field(default_factory=dict)
    files: Mapping[str, TrialFile] = field(default_factory=dict)
    results: Mapping[int, tuple[TrialResult, ...]] = field(default_factory=dict)
    progress: Mapping[int, Progress] = field(default_factory=dict)
    earlier: Mapping[str, TrialOutcome] = field(default_factory=dict)
    items: Mapping[int, Mapping[str, ItemScores]] = field(default_factory=dict)
    proposal: ProposalState = Idle()
    conditions: tuple[Condition, ...] = ()
    slots: int = 64
    degraded: tuple[str, str] | None = None
    now: float = 0.0
