"""From a verdict to the record that ends a trial."""

from __future__ import annotations

from mixatlas.contract.exit_codes import TrainerExit
from mixatlas.contract.result import TrialResult
from mixatlas.ledger.records import AttemptRecord, Credit, OutcomeClass, TrialOutcome
from mixatlas.plan.failures import End, is_counted
from mixatlas.plan.observed import Accepted, AttemptState
from mixatlas.plan.standing import TrialStanding
from mixatlas.plan.trial_files import trial_file


def outcome_of(accepted: Accepted, trial: TrialStanding, verdict: End) -> TrialOutcome:
    """Write down how a trial ended, so that the record says by itself what was trained."""
    result = verdict.result
    seen = {attempt.attempt for attempt in trial.attempts}
    attempts = (
        *(record for record in trial.removed if record.attempt not in seen),
        *(attempt_record(attempt, result) for attempt in trial.attempts),
    )
    if result is not None and all(a.pod_uid != result.pod_uid for a in attempts):
        attempts = (*attempts, _unseen_attempt(result))
    return TrialOutcome(
        trial=trial.planned.trial,
        digest=result.trial_digest if result else trial.planned.digest,
        purpose=trial.planned.purpose,
        mixture=trial.planned.mixture,
        seed=trial.planned.seed,
        tokens=trial_file(accepted, trial.planned, base=None).tokens,
        image_id=_image(trial),
        outcome=verdict.outcome,
        attempts=attempts,
        credited=_credit(result) if verdict.outcome is OutcomeClass.OK and result else None,
        scores=result.benchmarks if result else {},
        domains=result.domains if result else {},
        train_loss=result.train_loss if result else None,
        seconds=result.seconds if result else 0.0,
        flops=result.flops if result else 0.0,
        reason=verdict.reason,
    )


def cancelled(accepted: Accepted, trial: TrialStanding, reason: str) -> TrialOutcome:
    """Write down that a trial ends without having been trained to its end."""
    return outcome_of(accepted, trial, End(outcome=OutcomeClass.CANCELLED, reason=reason))


def attempt_record(
    attempt: AttemptState, result: TrialResult | None, now: float | None = None
) -> AttemptRecord:
    """Write down an attempt.

    Args:
        attempt: Ended, or about to be.
        result: The trial's credited result; its GPU seconds are believed for its own attempt.
        now: The end of one whose end nobody saw, in seconds since 1970; None counts it as
            none.
    """
    ended = attempt.ended if attempt.ended is not None else now or attempt.started
    is_told = result is not None and result.pod_uid == attempt.pod_uid
    wall = max(0.0, ended - attempt.started) * attempt.gpus if attempt.started else 0.0
    return AttemptRecord(
        pod_uid=attempt.pod_uid,
        attempt=attempt.attempt,
        node=attempt.node,
        exit_code=attempt.exit_code,
        counted=is_counted(attempt),
        start=attempt.started,
        end=ended,
        gpu_seconds=result.gpu_seconds if is_told and result else wall,
    )


def _unseen_attempt(result: TrialResult) -> AttemptRecord:
    """Return the credited attempt of a trial whose runner no longer knows it."""
    return AttemptRecord(
        pod_uid=result.pod_uid,
        attempt=result.attempt,
        exit_code=int(TrainerExit.OK),
        counted=False,
        start=0.0,
        end=0.0,
        gpu_seconds=result.gpu_seconds,
    )


def _credit(result: TrialResult) -> Credit:
    return Credit(
        pod_uid=result.pod_uid,
        attempt=result.attempt,
        items=result.items,
        checkpoint=result.checkpoint,
    )


def _image(trial: TrialStanding) -> str:
    known = [attempt.image_id for attempt in trial.attempts if attempt.image_id]
    return known[-1] if known else ""
