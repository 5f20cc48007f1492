"""What `propose` and `nominate` take and return."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from mixatlas.contract.mixture import Mixture
from mixatlas.ledger.records import Interval, NearOptimal, ObjectiveRecord
from mixatlas.space.design import Method
from mixatlas.surrogate.feasibility import MaxDrop

Acquisition = Literal["UpperConfidenceBound", "LogNoisyExpectedImprovement"]
Basis = Literal["design", "surrogate", "fallback"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposeSettings:
    """Sizes and tolerances. The defaults hold for up to 64 domains and 2,000 trials.

    Args:
        objective: The fixed objective; None while the design runs.
        method: How points are chosen once the objective is fixed.
        acquisition: What is maximised under Bayesian.
        beta: Of the upper confidence bound, mean + sqrt(beta) · sd.
        constraints: Drops that are not allowed.
        least_epsilon: Longest sample's tokens over a trial's budget: weights below it and zero
            cannot be told apart.
        n_draws: Joint posterior draws behind intervals and probabilities.
        n_starts: Local ascents of the acquisition.
        n_pool: Random mixtures that the ascents start from.
    """

    objective: ObjectiveRecord | None = None
    method: Method = "Bayesian"
    acquisition: Acquisition = "UpperConfidenceBound"
    beta: float = 2.0
    constraints: tuple[MaxDrop, ...] = ()
    least_epsilon: float = 0.001
    n_draws: int = 1024
    n_starts: int = 4
    n_pool: int = 1536


DEFAULTS = ProposeSettings()


@dataclass(frozen=True, slots=True, kw_only=True)
class Predicted:
    """What the surrogate expects of a mixture's objective."""

    mean: float
    sd: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Incumbent:
    """The trial with the highest posterior mean so far: provisional, with a 95 % interval."""

    trial: int
    mixture: Mixture
    mean: float
    lower: float
    upper: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """The next mixtures to train.

    Args:
        mixtures: Distinct, in the space, apart from everything tried.
        predicted: One a mixture; None where no surrogate could be fitted.
        whys: What each is for.
        basis: `design` (space-filling), `surrogate`, or `fallback` (the surrogate failed).
        why: One sentence for people about all of them.
        expected_improvement: Of the best feasible point over the incumbent, in objective units;
            None without a surrogate or an incumbent.
        incumbent: None without a surrogate, or when nothing tried is feasible.
        hyperparameters: For the next round's warm start; None without a surrogate.
    """

    mixtures: tuple[Mixture, ...]
    predicted: tuple[Predicted | None, ...]
    whys: tuple[str, ...]
    basis: Basis
    why: str
    expected_improvement: float | None = None
    incumbent: Incumbent | None = None
    hyperparameters: Mapping[str, tuple[float, ...]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """A mixture of the confirmation, as predicted before its first trial.

    Args:
        mixture: What is trained.
        roles: `candidate`, or the names it was given (`natural`, `uniform`, …).
        objective: 95 %; None where no surrogate could be fitted.
        benchmarks: Scores, larger is better; empty without a surrogate.
        probability_best: That its true objective is the largest of all arms.
    """

    mixture: Mixture
    roles: tuple[str, ...]
    objective: Interval | None
    benchmarks: Mapping[str, Interval]
    probability_best: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Nomination:
    """The arms of a confirmation: candidates first, best expected first, then the named arms.

    `near` is the size of the near-optimal set; None where no surrogate could be fitted.
    """

    arms: tuple[Arm, ...]
    basis: Basis
    why: str
    near: NearOptimal | None = None
