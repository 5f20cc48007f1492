"""What people and pipelines read: conditions, the ready-made cells, counts and cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from mixatlas.contract.mixture import Mixture
from mixatlas.contract.trial import Purpose
from mixatlas.ledger.records import (
    Interval,
    NearOptimal,
    OutcomeClass,
    WinnerRecord,
    weights_of,
)
from mixatlas.plan.completion import find_failure, gpu_seconds_used, why_search_ends
from mixatlas.plan.conditions import shorten, stamp
from mixatlas.plan.confirmation import REFERENCE
from mixatlas.plan.finish import finished_reason, latest_winner
from mixatlas.plan.observed import Condition, Observed
from mixatlas.plan.standing import Standing, TrialStanding, history_of, read_standing
from mixatlas.plan.trial_files import BASE_TRIAL, trains_base
from mixatlas.plan.trouble import find_trouble

Plain = dict[str, Any]
_Measured = tuple[float, int, Mixture]
"""Objective, trial, mixture."""
LONGEST_LIST = 10
"""Of the best trials; their mixtures would fill the status, and stand in the ledger."""
IN_FLIGHT_SHOWN = 20
_TWO_SIDED_95 = 1.96


def describe(observed: Observed, now: float) -> tuple[Plain, tuple[Condition, ...]]:
    """Describe a search.

    Args:
        observed: Everything known, with the conditions as last written.
        now: Seconds since 1970; it stands only in conditions that have just changed.

    Returns:
        The status as JSON-ready data (contract: "Status"), and its conditions.
    """
    standing = read_standing(observed)
    conditions = _conditions(observed, standing, now)
    winner = latest_winner(observed)
    measured = _measured(observed)
    best = _best(observed, measured)
    near = near_optimal_of(observed)
    generation = observed.live.metadata.generation or 0
    status: Plain = {
        "observedGeneration": generation,
        "conditions": [_plain_condition(condition, generation) for condition in conditions],
        "summary": _summary(observed, standing, best),
        "counts": _counts(standing),
        "replicas": sum(trial.is_active for trial in standing.trials.values()),
        "inFlight": _in_flight(observed, standing),
        "top": [
            {"trial": trial, "objective": value} for value, trial, _ in measured[:LONGEST_LIST]
        ],
        "best": best,
        "winner": _winner(observed, winner) if winner else None,
        "nearOptimal": near.to_plain() if near else None,
        "flags": _flags(observed),
        "cost": cost_of(observed, standing),
        "ledger": observed.accepted.layout.root,
    }
    return {key: value for key, value in status.items() if value is not None}, conditions


def phase_of(observed: Observed, standing: Standing) -> str:
    """Return the word in the STATUS column."""
    finished = finished_reason(observed, standing)
    if finished is not None:
        return finished.name
    if find_failure(observed, standing) is not None:
        return "Failed"
    if observed.live.spec.suspend:
        return "Suspended"
    if not standing.trials:
        return "Pending"
    phases = {a.phase for t in standing.open_trials for a in t.attempts if a.phase != "ended"}
    if phases == {"queued"}:
        return "Queued"
    if trains_base(observed.accepted) and standing.trials[BASE_TRIAL].is_open:
        return "TrainingBase"
    is_confirming = any(t.is_open for t in standing.of_purpose(Purpose.CONFIRM)) or (
        why_search_ends(observed, standing) is not None
        and not any(t.is_open for t in standing.search_trials)
    )
    return "Confirming" if is_confirming else "Searching"


def cost_of(observed: Observed, standing: Standing) -> Plain:
    """Return what the search cost so far, and as a fraction of the target run.

    FLOPs are the trainers' own count (6·N·T for text positions plus the vision tower's); the
    target's are 6 · parameters · tokens.
    """
    ended = (t.outcome for t in standing.trials.values() if t.outcome is not None)
    flops = sum(outcome.flops for outcome in ended if not outcome.taken_from)
    target = observed.accepted.search.spec.target
    cost: Plain = {"gpuSeconds": round(gpu_seconds_used(standing), 1), "flops": flops}
    if target is not None and target.parameters:
        cost["fractionOfTarget"] = flops / (6 * target.parameters * target.tokens)
    return cost


def _conditions(observed: Observed, standing: Standing, now: float) -> tuple[Condition, ...]:
    finished = finished_reason(observed, standing)
    phase = phase_of(observed, standing)
    degraded = find_trouble(observed, standing)
    is_won = finished is not None and finished.name in ("Succeeded", "NoGainShown")
    wanted: list[tuple[str, bool, str, str]] = [
        ("Accepted", True, "Accepted", "document, corpus and space are valid"),
        (
            "Progressing",
            finished is None and not observed.live.spec.suspend,
            phase
            if phase in ("TrainingBase", "Searching", "Confirming", "Queued")
            else _idle_word(phase),
            _progress_sentence(observed, standing),
        ),
        (
            "Suspended",
            observed.live.spec.suspend,
            "Suspended" if observed.live.spec.suspend else "Running",
            "spec.suspend is true: nothing new starts" if observed.live.spec.suspend else "",
        ),
        (
            "Degraded",
            degraded is not None,
            degraded.name if degraded else "Healthy",
            degraded.message if degraded else "",
        ),
        (
            "Succeeded",
            is_won,
            finished.name if finished else _idle_word(phase),
            finished.message if finished else "",
        ),
        (
            "Finished",
            finished is not None,
            finished.name if finished else _idle_word(phase),
            finished.message if finished else "",
        ),
    ]
    return tuple(_condition(observed, *entry, now=now) for entry in wanted)


def _condition(
    observed: Observed, kind: str, is_true: bool, reason: str, message: str, *, now: float
) -> Condition:
    status: Literal["True", "False"] = "True" if is_true else "False"
    before = next((c for c in observed.conditions if c.type == kind), None)
    since = before.since if before is not None and before.status == status else now
    return Condition(type=kind, status=status, reason=reason, message=message, since=since)


def _idle_word(phase: str) -> str:
    return (
        phase
        if phase in ("Suspended", "Succeeded", "NoGainShown", "Failed", "Cancelled")
        else "Searching"
    )


def _plain_condition(condition: Condition, generation: int) -> Plain:
    return {
        "type": condition.type,
        "status": condition.status,
        "reason": condition.reason,
        "message": shorten(condition.message),
        "lastTransitionTime": stamp(condition.since),
        "observedGeneration": generation,
    }


def _progress_sentence(observed: Observed, standing: Standing) -> str:
    why = why_search_ends(observed, standing)
    done = sum(1 for t in standing.search_trials if not t.is_open)
    return why or f"{done} of {observed.live.spec.search.max_trials} trials have ended"


def _summary(observed: Observed, standing: Standing, best: Plain | None) -> dict[str, str]:
    done = sum(1 for t in standing.search_trials if not t.is_open)
    failed = sum(
        1
        for t in standing.trials.values()
        if t.outcome and t.outcome.outcome in (OutcomeClass.FAILED, OutcomeClass.OUT_OF_MEMORY)
    )
    limit = observed.live.spec.budget.gpu_hours
    hours = f"{gpu_seconds_used(standing) / 3600:.2f}"
    return {
        "status": phase_of(observed, standing),
        "trials": f"{done}/{observed.live.spec.search.max_trials}",
        "running": str(sum(1 for t in standing.trials.values() if t.is_running)),
        "failed": str(failed),
        "gain": _gain_cell(observed, best),
        "gpuHours": f"{hours}/{limit}" if limit is not None else hours,
        "best": str(best["trial"]) if best else "",
        "queue": str(sum(1 for t in standing.open_trials if not t.is_running)),
        "eta": _eta(observed, standing),
    }


def _gain_cell(observed: Observed, best: Plain | None) -> str:
    """Return the confirmed gain over the reference, else the provisional one of the best."""
    winner = latest_winner(observed)
    if winner is not None:
        gain = winner.gains.get(REFERENCE)
        return _plus_minus(gain.objective) if gain else "+0.000"
    if best is None or observed.objective is None:
        return ""
    turned = [b.sign * observed.objective.means[b.name] for b in observed.accepted.yardstick]
    level = float(observed.accepted.scale.objective(np.array(turned)))
    interval = Interval(**best["objective"])
    return _plus_minus(
        Interval(
            mean=interval.mean - level,
            lower=interval.lower - level,
            upper=interval.upper - level,
        )
    )


def _plus_minus(interval: Interval) -> str:
    return f"{interval.mean:+.3f}±{(interval.upper - interval.lower) / 2:.3f}"


def _eta(observed: Observed, standing: Standing) -> str:
    """Return the time that the remaining trials need at the pace of the finished ones."""
    seconds = [t.outcome.seconds for t in standing.search_trials if t.is_ok and t.outcome]
    if not seconds or finished_reason(observed, standing) is not None:
        return ""
    return _duration(
        trials_to_come(observed, standing) * float(np.mean(seconds)) / _width(observed)
    )


def trials_to_come(observed: Observed, standing: Standing) -> int:
    """Return how many trials are still to be trained, the confirmation's included."""
    confirm = observed.live.spec.confirm
    arms = confirm.candidates + len(set(observed.accepted.baselines.values()))
    planned = len(standing.of_purpose(Purpose.CONFIRM))
    search_open = sum(1 for t in standing.search_trials if t.is_open)
    left = 0
    if why_search_ends(observed, standing) is None:
        left = observed.live.spec.search.max_trials - len(standing.search_trials)
    confirming = sum(1 for t in standing.of_purpose(Purpose.CONFIRM) if t.is_open)
    return max(0, left) + search_open + (confirming if planned else arms * confirm.seeds)


def _width(observed: Observed) -> int:
    return max(1, min(observed.live.spec.search.parallelism, observed.slots))


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    if seconds < 90:
        return f"{round(seconds)}s"
    return f"{minutes}m" if minutes < 120 else f"{minutes // 60}h{minutes % 60:02d}m"


def _counts(standing: Standing) -> dict[str, int]:
    counts: dict[str, int] = {}
    for trial in standing.trials.values():
        counts[trial.planned.purpose.value] = counts.get(trial.planned.purpose.value, 0) + 1
    return counts


def _in_flight(observed: Observed, standing: Standing) -> list[Plain]:
    rows: list[Plain] = []
    for trial in standing.trials.values():
        if not trial.is_active:
            continue
        row: Plain = {
            "trial": trial.planned.trial,
            "purpose": trial.planned.purpose.value,
            "attempt": trial.attempts[-1].attempt,
        }
        progress = observed.progress.get(trial.planned.trial)
        if progress is not None:
            row |= {
                "phase": progress.phase,
                "tokens": progress.tokens,
                "totalTokens": progress.total_tokens,
                "tokensPerSecond": round(progress.tokens_per_second, 1),
            }
        rows.append(row)
    return rows[:IN_FLIGHT_SHOWN]


def _flags(observed: Observed) -> list[Plain]:
    """Return each doubt once, with what to do and the benchmarks that it is about."""
    benchmarks: dict[tuple[str, str], list[str]] = {}
    for flag in observed.objective.flags if observed.objective else ():
        benchmarks.setdefault((flag.name, flag.remedy), []).append(flag.benchmark)
    return [
        {"name": name, "remedy": remedy, "benchmarks": names}
        for (name, remedy), names in benchmarks.items()
    ]


def _measured(observed: Observed) -> list[_Measured]:
    """Return all scored search trials, best first."""
    history = history_of(observed)
    values_n = observed.accepted.scale.objective(history.Y_nm)
    rows = [
        (float(value), trial, mixture)
        for value, trial, mixture in zip(values_n, history.trials, history.mixtures, strict=True)
        if np.isfinite(value)
    ]
    return sorted(rows, key=lambda row: (-row[0], row[1]))


def _best(observed: Observed, measured: Sequence[_Measured]) -> Plain | None:
    """Return the last posterior's best trial, or a newer one that was measured above it."""
    if not measured:
        return None
    value, trial, mixture = measured[0]
    half = _TWO_SIDED_95 * _seed_sd(observed)
    interval = Interval(mean=value, lower=value - half, upper=value + half)
    posterior = [r for r in sorted(observed.rounds, key=lambda r: r.round) if r.best]
    best = posterior[-1].best if posterior else None
    if best is not None and trial in posterior[-1].based_on.finished:
        trial, interval = best.trial, best.objective
        mixture = next(m for _, number, m in measured if number == trial)
    return {
        "trial": trial,
        "mixture": _plain_mixture(observed, mixture),
        "objective": interval.to_plain(),
    }


def near_optimal_of(observed: Observed) -> NearOptimal | None:
    """Return the size of the near-optimal set when candidates were last chosen, if it is known."""
    last = max(observed.predictions, key=lambda record: record.revision, default=None)
    return last.near_optimal if last is not None else None


def _seed_sd(observed: Observed) -> float:
    """Return the objective's noise, benchmarks taken as independent; 0 before it is known."""
    if observed.objective is None:
        return 0.0
    sds: Sequence[float] = [
        observed.objective.seed_sd[b.name] for b in observed.accepted.benchmarks
    ]
    return float(np.linalg.norm(observed.accepted.scale.slopes_m * np.array(sds)))


def _winner(observed: Observed, winner: WinnerRecord) -> Plain:
    plain = winner.to_plain()
    for key in ("schemaVersion", "arms"):
        plain.pop(key)
    plain["configMap"] = observed.live.config_map
    return plain


def _plain_mixture(observed: Observed, mixture: Mixture) -> list[Plain]:
    return [weight.to_plain() for weight in weights_of(mixture, observed.accepted.view)]


def standing_of(observed: Observed) -> tuple[TrialStanding, ...]:
    """Return every trial with all that is known, by number: the rows of `mixatlas trials`."""
    return tuple(read_standing(observed).trials.values())
