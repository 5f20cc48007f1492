"""The numbers of a search as rows: one source for terminal, page and exports."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mixatlas.contract.mixture import Mixture
from mixatlas.contract.trial import Purpose
from mixatlas.ledger.records import (
    Interval,
    NearOptimal,
    OutcomeClass,
    PredictedObjective,
    TrialOutcome,
    WinnerRecord,
)
from mixatlas.plan.confirmation import REFERENCE
from mixatlas.plan.observed import Observed
from mixatlas.plan.standing import TrialStanding
from mixatlas.plan.status import standing_of


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialRow:
    """One trial as people see it.

    Args:
        trial: Number.
        round: Number of its round.
        purpose: Why it exists.
        state: Class of its outcome, else `running` or `waiting`.
        mixture: What it trains.
        seed: Of the trial.
        attempts: How many there were.
        objective: Measured, larger is better; None without all scores.
        predicted: By the surrogate that proposed it.
        scores: By benchmark, in the metric's own direction.
        seconds: Of the credited attempt.
        why: Why its mixture was chosen, or why it failed.
    """

    trial: int
    round: int
    purpose: Purpose
    state: str
    mixture: Mixture
    seed: int
    attempts: int
    objective: float | None
    predicted: PredictedObjective | None
    scores: dict[str, float]
    seconds: float
    why: str


def trial_rows(observed: Observed) -> tuple[TrialRow, ...]:
    """Return every trial by number."""
    return tuple(_trial_row(observed, trial) for trial in standing_of(observed))


def _trial_row(observed: Observed, trial: TrialStanding) -> TrialRow:
    outcome = trial.outcome
    state = "waiting"
    if outcome is not None:
        state = outcome.outcome.value
    elif trial.is_active:
        state = "running"
    n_attempts = len(outcome.attempts) if outcome is not None else len(trial.attempts)
    return TrialRow(
        trial=trial.planned.trial,
        round=trial.round.round,
        purpose=trial.planned.purpose,
        state=state,
        mixture=trial.mixture,
        seed=trial.planned.seed,
        attempts=n_attempts,
        objective=measured_objective(observed, outcome) if outcome else None,
        predicted=trial.planned.predicted,
        scores={name: score.value for name, score in outcome.scores.items()} if outcome else {},
        seconds=outcome.seconds if outcome else 0.0,
        why=outcome.reason if outcome and outcome.reason else trial.planned.why,
    )


def measured_objective(observed: Observed, outcome: TrialOutcome) -> float | None:
    """Return an outcome's objective, or None where a score is missing."""
    yardstick = observed.accepted.yardstick
    if outcome.outcome is not OutcomeClass.OK or any(
        b.name not in outcome.scores for b in yardstick
    ):
        return None
    scores = np.array([b.sign * outcome.scores[b.name].value for b in yardstick])
    return float(observed.accepted.scale.objective(scores))


@dataclass(frozen=True, slots=True, kw_only=True)
class GainRow:
    """The winner beside the baselines on one benchmark, or on the objective.

    Args:
        name: Benchmark, or `objective`.
        unit: Of the values: the metric's name, or the objective's scale.
        is_loss: Whether smaller is better.
        winner: The winner's mean in the confirmation.
        others: Means of natural, uniform and the reference, where they were arms.
        gains: Over the same, with 95 % intervals; positive is better.
    """

    name: str
    unit: str
    is_loss: bool
    winner: float
    others: dict[str, float]
    gains: dict[str, Interval]


def gain_rows(observed: Observed, winner: WinnerRecord) -> tuple[GainRow, ...]:
    """Return the objective, then each benchmark, winner against the baselines."""
    accepted = observed.accepted
    names = compared_with(observed)
    arms = {name: next((arm for arm in winner.arms if name in arm.roles), None) for name in names}
    chosen = next(arm for arm in winner.arms if arm.mixture == winner.mixture)
    role_of = {name: name if name in winner.gains else REFERENCE for name in names}
    gains = {name: winner.gains[role_of[name]] for name in names if role_of[name] in winner.gains}
    objective = GainRow(
        name="objective",
        unit=accepted.search.spec.objective.scale,
        is_loss=False,
        winner=chosen.objective,
        others={name: arm.objective for name, arm in arms.items() if arm},
        gains={name: gain.objective for name, gain in gains.items()},
    )
    benchmarks = (
        GainRow(
            name=benchmark.name,
            unit=benchmark.metric.value,
            is_loss=benchmark.metric.is_loss,
            winner=chosen.benchmarks[benchmark.name],
            others={n: arm.benchmarks[benchmark.name] for n, arm in arms.items() if arm},
            gains={n: gain.benchmarks[benchmark.name] for n, gain in gains.items()},
        )
        for benchmark in accepted.yardstick
    )
    return (objective, *benchmarks)


def compared_with(observed: Observed) -> tuple[str, ...]:
    """Return the baselines that the winner is shown against: the reference, natural, uniform."""
    reference = observed.accepted.search.spec.objective.reference
    return tuple(dict.fromkeys((reference, "natural", "uniform")))


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseRow:
    """How much of a benchmark's score is luck.

    Args:
        name: Benchmark.
        metric: Its metric.
        chance: Level that sees neither image nor question.
        reference: The reference's mean in the search stage.
        seed_sd: Noise of one trial's score.
        spread: Standard deviation over the design's mixtures.
        flags: Names of doubts, with what to do.
    """

    name: str
    metric: str
    chance: float
    reference: float
    seed_sd: float
    spread: float
    flags: tuple[str, ...]


def noise_rows(observed: Observed) -> tuple[NoiseRow, ...]:
    """Return one row a benchmark, once the objective is fixed."""
    objective = observed.objective
    if objective is None:
        return ()
    known = set(objective.based_on.finished)
    outcomes = [o for o in observed.outcomes if o.trial in known]
    rows = []
    for name, metric in objective.metrics.items():
        values = [o.scores[name].value for o in outcomes if name in o.scores]
        rows.append(
            NoiseRow(
                name=name,
                metric=metric.value,
                chance=objective.chance[name],
                reference=objective.means[name],
                seed_sd=objective.seed_sd[name],
                spread=float(np.std(values, ddof=1)) if len(values) > 1 else 0.0,
                flags=tuple(
                    f"{flag.name}: {flag.remedy}"
                    for flag in objective.flags
                    if flag.benchmark == name
                ),
            )
        )
    return tuple(rows)


def near_optimal_sentence(near: NearOptimal) -> str:
    """Say how many mixtures are as good as the best, for all that is known.

    Example:
        >>> near = NearOptimal(share=0.0, reach=0.121, sampled=1024, tried=4, eligible=31)
        >>> near_optimal_sentence(near)[:69]
        'under 0.1 % of the space and 4 of 31 tried mixtures are within one st'
    """
    share = _percent(near.share) if near.share else f"under {_percent(1 / near.sampled)}"
    return (
        f"{share} of the space and {near.tried} of {near.eligible} tried mixtures are within one "
        f"standard error of the best: one may go {_percent(near.reach)} of the way from it to a "
        "random mixture, on average"
    )


def _percent(share: float) -> str:
    return f"{100 * share:.{1 if share < 0.1 else 0}f} %"
