"""When a stage is over, and when a search fails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mixatlas.contract.trial import Purpose
from mixatlas.ledger.records import OutcomeClass, RoundKind
from mixatlas.plan.failures import End, judge
from mixatlas.plan.observed import Observed
from mixatlas.plan.standing import Standing, TrialStanding, trials_left
from mixatlas.plan.trial_files import BASE_TRIAL, trains_base

_FAILED = (OutcomeClass.FAILED, OutcomeClass.OUT_OF_MEMORY)
FIRST_TRIALS = 3
"""A search fails when its first trials, this many, fail alike."""


@dataclass(frozen=True, slots=True)
class Reason:
    """A condition reason (`contract.reasons`) with its sentence."""

    name: str
    message: str


def find_failure(observed: Observed, standing: Standing) -> Reason | None:
    """Return why the search cannot go on, or None. The first of `FAILURES` that speaks wins."""
    for check in FAILURES:
        reason = check(observed, standing)
        if reason is not None:
            return reason
    return None


def why_search_ends(observed: Observed, standing: Standing) -> str | None:
    """Return why the search stage asks for no further trials, or None while it goes on."""
    for check in ENDS:
        sentence = check(observed, standing)
        if sentence is not None:
            return sentence
    return None


def gpu_seconds_used(standing: Standing) -> float:
    """Return the GPU seconds of all attempts that have ended here, failed ones included."""
    return sum(
        attempt.gpu_seconds
        for trial in standing.trials.values()
        if trial.outcome is not None and not trial.outcome.taken_from
        for attempt in trial.outcome.attempts
    )


def _fatal_trial(observed: Observed, standing: Standing) -> Reason | None:
    """43 and a corpus that stays corrupt are not the trial's fault: nothing new may start."""
    retries = observed.accepted.search.spec.budget.retries
    for trial in standing.trials.values():
        if trial.outcome is not None and trial.outcome.outcome is OutcomeClass.FAILED:
            codes = [attempt.exit_code for attempt in trial.outcome.attempts]
            if 43 in codes:
                return Reason("ContractViolation", _of(trial))
            if codes.count(44) >= 2:
                return Reason("CorpusCorrupt", _of(trial))
        elif trial.is_open:
            verdict = judge(trial, retries=retries)
            if isinstance(verdict, End) and verdict.is_fatal:
                return Reason("ContractViolation", f"trial {trial.planned.trial}: {verdict.reason}")
    return None


def _base_failed(observed: Observed, standing: Standing) -> Reason | None:
    base = standing.trials.get(BASE_TRIAL)
    if not trains_base(observed.accepted) or base is None or base.is_open or base.is_ok:
        return None
    return Reason("Failed", f"the shared base could not be trained: {_of(base)}")


def _first_alike(observed: Observed, standing: Standing) -> Reason | None:
    trials = [t for t in standing.search_trials if t.outcome is not None]
    by_end = sorted(trials, key=lambda t: (_end(t), t.planned.trial))[:FIRST_TRIALS]
    classes = {t.outcome.outcome for t in by_end if t.outcome is not None}
    if len(by_end) == FIRST_TRIALS and len(classes) == 1 and classes <= set(_FAILED):
        return Reason(
            "TooManyFailures", f"the first {FIRST_TRIALS} trials failed: {_of(by_end[0])}"
        )
    return None


def _too_many(observed: Observed, standing: Standing) -> Reason | None:
    failed = [
        t for t in standing.search_trials if t.outcome is not None and t.outcome.outcome in _FAILED
    ]
    limit = observed.live.spec.budget.max_failed_trials
    if len(failed) < limit:
        return None
    return Reason(
        "TooManyFailures",
        f"{len(failed)} trials failed, budget.maxFailedTrials is {limit}: {_of(failed[-1])}",
    )


def _reference_failed(observed: Observed, standing: Standing) -> Reason | None:
    """The design, and two further seeds, ended without a score of the reference."""
    reference = observed.accepted.reference
    tries = [t for t in standing.search_trials if t.mixture == reference]
    rescue = [t for t in tries if t.round.kind is RoundKind.REPLICATES]
    if not rescue or any(t.is_open or t.is_ok for t in tries):
        return None
    return Reason("ReferenceFailed", f"the reference failed {len(tries)} times: {_of(tries[-1])}")


FAILURES: tuple[Callable[[Observed, Standing], Reason | None], ...] = (
    _fatal_trial,
    _base_failed,
    _reference_failed,
    _first_alike,
    _too_many,
)


def _concluded(observed: Observed, standing: Standing) -> str | None:
    return "spec.conclude was set" if observed.live.spec.conclude else None


def _all_trials(observed: Observed, standing: Standing) -> str | None:
    if trials_left(observed, standing):
        return None
    return f"all {observed.live.spec.search.max_trials} trials were made"


def _exhausted(observed: Observed, standing: Standing) -> str | None:
    empty = any(r.kind is RoundKind.PROPOSED and not r.trials for r in standing.rounds)
    return "the space is exhausted" if empty else None


def _little_to_gain(observed: Observed, standing: Standing) -> str | None:
    """Stop when every round behind the last `patience` trials expected too little."""
    stop = observed.live.spec.search.stop
    if stop is None or observed.accepted.search.spec.search.method != "Bayesian":
        return None
    last = standing.of_kind(RoundKind.PROPOSED)[-stop.patience :]
    expected = [trial.round.expected_improvement for trial in last]
    least = float(stop.min_improvement)
    if len(last) < stop.patience or any(e is None or e >= least for e in expected):
        return None
    return f"the last {stop.patience} trials were expected to gain less than {stop.min_improvement}"


def _budget_spent(observed: Observed, standing: Standing) -> str | None:
    """Keep back what the confirmation needs, so that a capped search still ends with a winner."""
    limit = observed.live.spec.budget.gpu_hours
    done = [t for t in standing.search_trials if t.is_ok]
    if limit is None or not done:
        return None
    each = sum(_gpu_seconds(t) for t in done) / len(done)
    confirm = observed.live.spec.confirm
    arms = confirm.candidates + len(set(observed.accepted.baselines.values()))
    running = sum(1 for t in standing.search_trials if t.is_open)
    need = gpu_seconds_used(standing) + each * (1 + running + arms * confirm.seeds)
    if need <= float(limit) * 3600:
        return None
    return f"another trial and the confirmation would pass budget.gpuHours {limit}"


ENDS: tuple[Callable[[Observed, Standing], str | None], ...] = (
    _concluded,
    _all_trials,
    _exhausted,
    _little_to_gain,
    _budget_spent,
)


def _gpu_seconds(trial: TrialStanding) -> float:
    return sum(a.gpu_seconds for a in trial.outcome.attempts) if trial.outcome else 0.0


def _end(trial: TrialStanding) -> float:
    return max((a.end for a in trial.outcome.attempts), default=0.0) if trial.outcome else 0.0


def _of(trial: TrialStanding) -> str:
    reason = trial.outcome.reason if trial.outcome else ""
    return f"trial {trial.planned.trial}: {reason}"


def surplus_trials(observed: Observed, standing: Standing) -> tuple[TrialStanding, ...]:
    """Return the planned trials that are never started, highest number first.

    A lowered `maxTrials` drops those above it, `conclude: Drain` all that wait; a design on
    which the objective still depends is finished either way.
    """
    unstarted = [t for t in reversed(standing.search_trials) if not t.was_started]
    if observed.live.spec.conclude == "Drain" and observed.objective is not None:
        return tuple(unstarted)
    excess = len(standing.search_trials) - observed.live.spec.search.max_trials
    chosen = [t for t in unstarted if t.planned.purpose is not Purpose.BASELINE]
    return tuple(chosen[: max(0, excess)])
