"""`plan(observed)`: the actions of one pass, in the order in which they are carried out."""

from __future__ import annotations

from collections.abc import Iterator

from mixatlas.ledger.layout import attempt_name
from mixatlas.plan.actions import (
    Action,
    ForgetTrial,
    RecordAttempt,
    RecordOutcome,
    StartTrial,
    StopTrial,
)
from mixatlas.plan.completion import (
    Reason,
    find_failure,
    surplus_trials,
    why_search_ends,
)
from mixatlas.plan.confirmation import next_confirmation, revision_due
from mixatlas.plan.failures import End, Retry, judge
from mixatlas.plan.finish import finished_reason
from mixatlas.plan.observed import AttemptState, Observed
from mixatlas.plan.outcomes import attempt_record, cancelled, outcome_of
from mixatlas.plan.rounds import next_round
from mixatlas.plan.standing import Standing, TrialStanding, read_standing
from mixatlas.plan.trial_files import BASE_TRIAL, base_of, trial_file
from mixatlas.plan.warm_start import answer_to


def plan(observed: Observed) -> list[Action]:
    """Decide what one pass does.

    The plan is a step, not a programme: records come first, and what builds on them is planned
    in the next pass, which sees them. Trials are started in the order of their numbers.

    Args:
        observed: Everything known. Lists may come in any order.

    Returns:
        Actions in the order in which they are to be carried out; empty when the search waits
        or is over.
    """
    standing = read_standing(observed)
    answered = list(_answered(observed, standing))
    if answered:
        return [*answered]
    ended = list(_ends(observed, standing))
    lost = list(_lost(observed, standing))
    actions: list[Action] = [*_forgotten(standing), *ended, *lost]
    if observed.live.spec.conclude == "Now":
        return actions + list(_cancels(observed, standing, ended))
    if find_failure(observed, standing) is not None:
        return actions + list(_cancels_unstarted(observed, standing, ended))
    surplus = surplus_trials(observed, standing)
    actions += [
        RecordOutcome(cancelled(observed.accepted, trial, "search.maxTrials was lowered"))
        for trial in surplus
    ]
    if observed.live.spec.suspend and observed.live.spec.suspend_mode == "Checkpoint":
        actions += _checkpoints(observed, standing)
    if ended or lost or surplus or observed.live.spec.suspend:
        return actions
    starts = list(_starts(observed, standing))
    return actions + starts + _next_stage(observed, standing, starts)


def _next_stage(observed: Observed, standing: Standing, starts: list[StartTrial]) -> list[Action]:
    """Return the next records and questions: of the search stage, then of the confirmation."""
    if why_search_ends(observed, standing) is None:
        waiting = sum(1 for t in standing.open_trials if not t.is_active)
        free = _slots(observed) - _active(standing) - waiting
        return next_round(observed, standing, free=free)
    if any(trial.is_open for trial in standing.search_trials) or observed.objective is None:
        return next_round(observed, standing, free=0) if observed.objective is None else []
    revision = revision_due(observed, standing)
    if revision is None or starts:
        return []
    return next_confirmation(observed, standing, revision)


def why_finished(observed: Observed) -> Reason | None:
    """Return the reason of `Finished`, or None while anything is left to do."""
    return finished_reason(observed, read_standing(observed))


def is_done(observed: Observed) -> bool:
    """Tell whether nothing is left to do: a winner, a failure, or a cancelled search."""
    return not _active(read_standing(observed)) and why_finished(observed) is not None


def _slots(observed: Observed) -> int:
    return min(observed.live.spec.search.parallelism, observed.slots)


def _active(standing: Standing) -> int:
    """Count the attempts that hold a slot."""
    return sum(1 for trial in standing.trials.values() if trial.is_active)


def _ends(observed: Observed, standing: Standing) -> Iterator[RecordOutcome]:
    for trial in standing.open_trials:
        verdict = judge(trial, retries=observed.live.spec.budget.retries)
        if isinstance(verdict, End):
            yield RecordOutcome(outcome_of(observed.accepted, trial, verdict))


def _answered(observed: Observed, standing: Standing) -> Iterator[RecordOutcome]:
    """End the trials that an earlier search has made already."""
    for trial in standing.open_trials:
        answer = answer_to(trial, observed.earlier)
        if answer is not None:
            yield RecordOutcome(answer)


def _lost(observed: Observed, standing: Standing) -> Iterator[Action]:
    """Remove attempts that nobody hears of any more; their trials go on with another one."""
    for trial in standing.open_trials:
        for attempt in trial.attempts:
            if attempt.is_lost:
                yield from _told(observed, trial, attempt)
                yield ForgetTrial(attempt.name)


def _checkpoints(observed: Observed, standing: Standing) -> Iterator[Action]:
    """`suspendMode: Checkpoint`: end what runs; attempt N+1 goes on from its checkpoint."""
    for trial in standing.open_trials:
        yield from _stops(observed, trial)


def _stops(observed: Observed, trial: TrialStanding) -> Iterator[Action]:
    """End the attempts of an open trial, each told of before its Job is gone."""
    for attempt in trial.attempts:
        if attempt.can_be_stopped:
            yield from _told(observed, trial, attempt)
            yield StopTrial(attempt.name)


def _told(
    observed: Observed, trial: TrialStanding, attempt: AttemptState
) -> Iterator[RecordAttempt]:
    """Write down an attempt that is to be removed, once: a pass may have ended in between."""
    if all(record.attempt != attempt.attempt for record in trial.removed):
        record = attempt_record(attempt, None, observed.now)
        yield RecordAttempt(trial=trial.planned.trial, record=record)


def _forgotten(standing: Standing) -> Iterator[Action]:
    """Stop and remove what is left of trials that have an outcome."""
    for trial in standing.trials.values():
        if trial.is_open:
            continue
        for attempt in trial.attempts:
            if attempt.can_be_stopped:
                yield StopTrial(attempt.name)
            elif attempt.phase == "ended":
                yield ForgetTrial(attempt.name)


def _starts(observed: Observed, standing: Standing) -> Iterator[StartTrial]:
    free = _slots(observed) - _active(standing)
    for trial in standing.open_trials:
        verdict = judge(trial, retries=observed.live.spec.budget.retries)
        if free > 0 and isinstance(verdict, Retry):
            free -= 1
            yield _start(observed, standing, trial, verdict)


def _start(
    observed: Observed, standing: Standing, trial: TrialStanding, verdict: Retry
) -> StartTrial:
    accepted = observed.accepted
    record = accepted.record
    return StartTrial(
        name=attempt_name(record.name, record.uid, trial.planned.trial, trial.next_attempt),
        attempt=trial.next_attempt,
        file=trial_file(accepted, trial.planned, base=base_of(accepted, standing)),
        micro_batch_divisor=verdict.micro_batch_divisor,
        fresh_cache=verdict.fresh_cache,
    )


def _cancels(
    observed: Observed, standing: Standing, ended: list[RecordOutcome]
) -> Iterator[Action]:
    """`conclude: Now`: end what runs, and give everything open but the base an outcome.

    When it is taken back, other trials come in the place of cancelled ones; a base has none.
    """
    told = {action.record.trial for action in ended} | {BASE_TRIAL}
    for trial in standing.open_trials:
        yield from _stops(observed, trial)
        if trial.planned.trial not in told and not trial.is_active:
            yield RecordOutcome(cancelled(observed.accepted, trial, "spec.conclude is Now"))


def _cancels_unstarted(
    observed: Observed, standing: Standing, ended: list[RecordOutcome]
) -> Iterator[RecordOutcome]:
    """A failed search drains: what runs goes on, and nothing else starts."""
    told = {action.record.trial for action in ended}
    for trial in standing.open_trials:
        if not trial.is_active and trial.planned.trial not in told:
            yield RecordOutcome(cancelled(observed.accepted, trial, "the search failed"))
