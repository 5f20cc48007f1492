"""What the end of an attempt means for its trial (contract: "Trainer's exit codes")."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pydantic import ValidationError

from mixatlas.contract.exit_codes import TrainerExit
from mixatlas.contract.result import TrialResult
from mixatlas.ledger.records import OutcomeClass
from mixatlas.plan.observed import AttemptState
from mixatlas.plan.standing import TrialStanding

MAX_TERMINATIONS = 5
"""Attempts that somebody else ended and that are started again, uncounted."""


@dataclass(frozen=True, slots=True)
class Wait:
    """An attempt is on its way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """Start a further attempt.

    Args:
        micro_batch_divisor: 2 after an attempt that ran out of memory.
        fresh_cache: Whether to distrust cached shards.
    """

    micro_batch_divisor: int = 1
    fresh_cache: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """The trial is over.

    Args:
        outcome: Its class.
        result: The credited result of an `ok` or `diverged` trial.
        reason: What a person should know, for the others.
        is_fatal: Whether nothing new may start: the fault is not this trial's own.
    """

    outcome: OutcomeClass
    result: TrialResult | None = None
    reason: str = ""
    is_fatal: bool = False


Verdict = Wait | Retry | End
Check = Callable[[TrialStanding, int], Verdict | None]


def judge(trial: TrialStanding, *, retries: int) -> Verdict:
    """Decide what happens to an open trial.

    Args:
        trial: Without an outcome.
        retries: `budget.retries`: further attempts after counted failures.

    Returns:
        The first verdict of `CHECKS`, in their order.
    """
    for check in CHECKS:
        verdict = check(trial, retries)
        if verdict is not None:
            return verdict
    return Retry()


def is_counted(attempt: AttemptState) -> bool:
    """Tell whether an ended attempt counts against the retries.

    Lost attempts, terminations and disruptions are nobody's fault; codes with rules of their
    own (42 to 45, 137) are judged by those.
    """
    return attempt.phase == "ended" and attempt.exit_code not in (
        None,
        TrainerExit.OK,
        TrainerExit.DIVERGED,
        TrainerExit.DATA,
        TrainerExit.RESULT_NOT_STORED,
        TrainerExit.OUT_OF_MEMORY,
        TrainerExit.TERMINATED,
    )


def _credited(trial: TrialStanding, retries: int) -> Verdict | None:
    """A result of the trial's own digest ends it, whoever wrote it first."""
    digests = {trial.planned.digest} | {attempt.digest for attempt in trial.attempts}
    for result in trial.results:
        if result.trial_digest in digests:
            return End(outcome=OutcomeClass(result.outcome), result=result, reason=result.reason)
    return None


def _running(trial: TrialStanding, retries: int) -> Verdict | None:
    return Wait() if trial.is_active else None


def _refused(trial: TrialStanding, retries: int) -> Verdict | None:
    for attempt in _ended_with(trial, TrainerExit.CONTRACT):
        return End(outcome=OutcomeClass.FAILED, reason=_words(attempt), is_fatal=True)
    return None


def _corrupt(trial: TrialStanding, retries: int) -> Verdict | None:
    ended = _ended_with(trial, TrainerExit.DATA)
    if len(ended) >= 2:
        return End(outcome=OutcomeClass.FAILED, reason=_words(ended[-1]), is_fatal=True)
    return Retry(fresh_cache=True) if ended and ended[-1] is trial.attempts[-1] else None


def _out_of_memory(trial: TrialStanding, retries: int) -> Verdict | None:
    ended = _ended_with(trial, TrainerExit.OUT_OF_MEMORY)
    if any(attempt.micro_batch_divisor > 1 for attempt in ended):
        return End(outcome=OutcomeClass.OUT_OF_MEMORY, reason=_words(ended[-1]))
    return Retry(micro_batch_divisor=2) if ended else None


def _told_by_message(trial: TrialStanding, retries: int) -> Verdict | None:
    """45: the result could not be stored, and its scores are in the termination message.

    A confirmation needs the items, which no message holds, so it runs again.
    """
    if trial.planned.purpose == "confirm":
        return None
    for attempt in _ended_with(trial, TrainerExit.RESULT_NOT_STORED):
        try:
            result = TrialResult.model_validate_json(attempt.message)
        except ValidationError:
            continue
        if result.trial_digest == attempt.digest:
            return End(outcome=OutcomeClass(result.outcome), result=result)
    return None


def _terminated_too_often(trial: TrialStanding, retries: int) -> Verdict | None:
    ended = [a for a in _ended_with(trial, TrainerExit.TERMINATED) if not a.is_stopped]
    if len(ended) > MAX_TERMINATIONS:
        reason = f"ended by somebody {len(ended)} times; {_words(ended[-1])}"
        return End(outcome=OutcomeClass.FAILED, reason=reason)
    return None


def _failed_too_often(trial: TrialStanding, retries: int) -> Verdict | None:
    counted = [attempt for attempt in trial.attempts if is_counted(attempt)]
    if len(counted) > retries:
        return End(outcome=OutcomeClass.FAILED, reason=_words(counted[-1]))
    return None


CHECKS: tuple[Check, ...] = (
    _credited,
    _running,
    _refused,
    _corrupt,
    _out_of_memory,
    _told_by_message,
    _terminated_too_often,
    _failed_too_often,
)
"""In order; the first verdict wins. None of them speaks: a further attempt."""


def _ended_with(trial: TrialStanding, code: TrainerExit) -> list[AttemptState]:
    return [a for a in trial.attempts if a.phase == "ended" and a.exit_code == code]


def _words(attempt: AttemptState) -> str:
    last = attempt.message.strip().splitlines()[-1:] or ["no message"]
    how = "killed by a signal" if attempt.signalled else f"exit code {attempt.exit_code}"
    return f"attempt {attempt.attempt}: {how}: {last[0][:300]}"
