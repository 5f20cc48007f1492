"""Stored records (contract: "Ledger"). Each is written once, except a trial's progress.

Their mixtures are of cells, also where a search weighs slices: `weights_of` and `mixture_of` are
the border.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Literal

from pydantic import Field

from mixatlas.contract.canonical import Record
from mixatlas.contract.manifest import Sha256
from mixatlas.contract.metrics import Metric
from mixatlas.contract.mixture import Mixture
from mixatlas.contract.result import DomainUse, Score, StoredObject
from mixatlas.contract.trial import DomainWeight, Purpose
from mixatlas.spec.view import View


class RoundKind(StrEnum):
    """What a round is for."""

    BASE = "base"
    WARM_START = "warmStart"
    DESIGN = "design"
    REPLICATES = "replicates"
    PROPOSED = "proposed"
    CONFIRM = "confirm"
    TRANSFER = "transfer"


class OutcomeClass(StrEnum):
    """How a trial ended."""

    OK = "ok"
    DIVERGED = "diverged"
    OUT_OF_MEMORY = "outOfMemory"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Interval(Record):
    """A mean with the ends of its 95 % interval."""

    mean: float = Field(allow_inf_nan=False)
    lower: float = Field(allow_inf_nan=False)
    upper: float = Field(allow_inf_nan=False)


class PredictedObjective(Record):
    """What the surrogate expected of a mixture, in objective units."""

    mean: float = Field(allow_inf_nan=False)
    sd: float = Field(ge=0, allow_inf_nan=False)


class PlannedTrial(Record):
    """One trial of a round. `k` is the seed's number within its stage."""

    trial: int = Field(ge=0)
    purpose: Purpose
    mixture: tuple[DomainWeight, ...]
    seed: int
    k: int = Field(ge=0)
    digest: Sha256
    why: str = ""
    predicted: PredictedObjective | None = None


class BasedOn(Record):
    """The trials that a decision knew: finished ones, and those still in training."""

    finished: tuple[int, ...] = ()
    pending: tuple[int, ...] = ()


class Best(Record):
    """The trial with the highest posterior mean so far: provisional."""

    trial: int
    objective: Interval


class RoundRecord(Record):
    """`rounds/0003.json`: the intent of one round, as ONE object."""

    schema_version: Literal[1] = 1
    round: int = Field(ge=0)
    kind: RoundKind
    revision: int = Field(0, ge=0, description="Of the winner that a confirm round is for.")
    based_on: BasedOn = BasedOn()
    settings: dict[str, Any] = Field(default_factory=dict)
    basis: Literal["design", "surrogate", "fallback", "arms", "base", "ledger"]
    why: str
    expected_improvement: float | None = Field(None, allow_inf_nan=False)
    best: Best | None = None
    hyperparameters: dict[str, tuple[float, ...]] | None = None
    fidelity: int = Field(gt=0, description="Manifest tokens of each trial.")
    versions: dict[str, str] = Field(default_factory=dict)
    trials: tuple[PlannedTrial, ...] = Field(max_length=64)


class AttemptRecord(Record):
    """One attempt of a trial. Times are seconds since 1970.

    It stands in its trial's outcome, and before that under a name of its own where its Job is
    removed while the trial goes on.
    """

    pod_uid: str
    attempt: int = Field(ge=1)
    node: str = ""
    exit_code: int | None = None
    counted: bool
    start: float
    end: float
    gpu_seconds: float = Field(ge=0)


class Credit(Record):
    """The attempt whose result counts."""

    pod_uid: str
    attempt: int
    items: StoredObject | None
    checkpoint: StoredObject | None


class TrialOutcome(Record):
    """`trials/000017/outcome.json`: alone ends a trial, and says by itself what was trained.

    `scores` are in each metric's own direction. `domains` holds what was really used; the
    surrogate is fitted on its token shares. `taken_from` names the outcome of an earlier search
    that this one repeats: its attempts cost this search nothing.
    """

    schema_version: Literal[1] = 1
    trial: int = Field(ge=0)
    digest: Sha256
    purpose: Purpose
    mixture: tuple[DomainWeight, ...]
    seed: int
    tokens: int = Field(gt=0)
    image_id: str = Field("", alias="imageID")
    outcome: OutcomeClass = Field(alias="class")
    attempts: tuple[AttemptRecord, ...] = ()
    credited: Credit | None = None
    scores: dict[str, Score] = Field(default_factory=dict)
    domains: dict[str, DomainUse] = Field(default_factory=dict)
    train_loss: float | None = Field(None, allow_inf_nan=False)
    seconds: float = Field(0.0, ge=0)
    flops: float = Field(0.0, ge=0)
    reason: str = ""
    taken_from: str = ""


class BenchmarkIdentity(Record):
    """A benchmark as resolved at acceptance."""

    manifest: str
    sha256: Sha256
    metric: Metric
    chance: float


class SearchRecord(Record):
    """`search.json`: the document as accepted, and every digest that a resume must meet."""

    schema_version: Literal[1] = 1
    name: str
    namespace: str
    uid: str
    document: dict[str, Any]
    manifest_sha256: Sha256
    natural: tuple[DomainWeight, ...]
    definitions: dict[str, Sha256]
    contents: dict[str, Sha256]
    benchmarks: dict[str, BenchmarkIdentity]
    base_sha256: Sha256 | None
    bounds: dict[str, tuple[int, int]]
    image: str


class Flag(Record):
    """A doubt about a benchmark, with the number behind it and what to do."""

    benchmark: str
    name: str
    value: float
    threshold: float
    remedy: str


class ObjectiveRecord(Record):
    """`objective.json`: fixed when rounds 1 and 2 have ended. Dicts are keyed by benchmark.

    Means are the reference's scores and `seed_sd` the noise of one trial's score, both in the
    metric's own direction and unit.
    """

    schema_version: Literal[1] = 1
    scale: Literal["Normalized", "Raw"]
    reference: str
    metrics: dict[str, Metric]
    weights: dict[str, float]
    chance: dict[str, float]
    means: dict[str, float]
    seed_sd: dict[str, float]
    degrees_of_freedom: float = Field(ge=0)
    flags: tuple[Flag, ...] = ()
    based_on: BasedOn = BasedOn()


class PredictedArm(Record):
    """An arm of the confirmation as predicted before its first trial starts."""

    mixture: tuple[DomainWeight, ...]
    roles: tuple[str, ...] = Field(min_length=1)
    objective: Interval | None
    benchmarks: dict[str, Interval] = Field(default_factory=dict)
    probability_best: float | None = Field(None, ge=0, le=1)


class NearOptimal(Record):
    """The size of the near-optimal set: all mixtures within one standard error of the best.

    `share` is of the space's volume: of `sampled` uniform mixtures those in the set. Its standard
    error is √(share (1 - share) / sampled). In many dimensions it is soon too small to be hit,
    and 0. `reach` is how far, on average, one can go from the best towards a uniform mixture of
    the space before one leaves the set, as a share of the way. `tried` counts the distinct tried
    mixtures in the set, of `eligible` ones: inside the space, likely feasible.
    """

    share: float = Field(ge=0, le=1)
    reach: float = Field(ge=0, le=1)
    sampled: int = Field(gt=0)
    tried: int = Field(ge=0)
    eligible: int = Field(ge=0)


class PredictionRecord(Record):
    """`predictions/0001.json`: one a revision, stored before the confirmation starts.

    `near_optimal` is what was known when its candidates were chosen; None without a surrogate.
    """

    schema_version: Literal[1] = 1
    revision: int = Field(ge=1)
    based_on: BasedOn
    seeds: int = Field(ge=2, description="Fresh seeds that each arm is trained with.")
    arms: tuple[PredictedArm, ...]
    near_optimal: NearOptimal | None = None


class Gain(Record):
    """A candidate's confirmed gain over one arm, in objective units."""

    objective: Interval
    benchmarks: dict[str, Interval]


class ConfirmedArm(Record):
    """An arm of the confirmation as measured: means over seeds and items, and gains."""

    mixture: tuple[DomainWeight, ...]
    roles: tuple[str, ...]
    trials: tuple[int, ...]
    objective: float
    benchmarks: dict[str, float]
    gains: dict[str, Gain] = Field(default_factory=dict)


class OutputJobRecord(Record):
    """`output/0001.json`: the Job that was started with a revision's winner, once.

    Written before the Job is created, and again afterwards.
    """

    schema_version: Literal[1] = 1
    revision: int = Field(ge=1)
    job: str
    is_created: bool


class WinnerRecord(Record):
    """`winner/0001.json`: the confirmed mixture of one revision."""

    schema_version: Literal[1] = 1
    revision: int = Field(ge=1)
    trial: int
    unit: Literal["tokens"] = "tokens"
    mixture: tuple[DomainWeight, ...]
    digest: Sha256
    gain_shown: bool
    gains: dict[str, Gain]
    benchmarks: dict[str, float]
    probability_best: float | None
    arms: tuple[ConfirmedArm, ...]
    why: str


def mixture_of(weights: tuple[DomainWeight, ...], view: View) -> Mixture:
    """Rebuild the mixture of a search's domains from the cells of a record.

    Raises:
        ValueError: A weight names a cell that the view lacks, or the sum is off.
    """
    cells = {weight.domain: weight.ppm for weight in weights}
    parts = view.gather(cells)
    if sum(parts.values()) != sum(cells.values()):
        raise ValueError(f"unknown domains: {sorted(cells.keys() - view.homes.keys())}")
    return Mixture.of(parts)


def weights_of(mixture: Mixture, view: View) -> tuple[DomainWeight, ...]:
    """Return the cells that a search's mixture is trained as, in their stored form."""
    cells = view.expand(mixture)
    return tuple(DomainWeight(domain=name, ppm=ppm) for name, ppm in cells.parts if ppm)


def cells_of(weights: tuple[DomainWeight, ...]) -> Mixture:
    """Return the cells of a record as a mixture: what is trained, whatever was searched."""
    return Mixture.of((weight.domain, weight.ppm) for weight in weights)
