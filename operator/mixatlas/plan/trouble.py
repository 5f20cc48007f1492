"""What is wrong with a search that goes on all the same: the reason of `Degraded`."""

from __future__ import annotations

from collections.abc import Callable

from mixatlas.plan.completion import Reason, find_failure
from mixatlas.plan.observed import AttemptState, Observed
from mixatlas.plan.standing import Standing

START_PATIENCE_S = 600.0
"""A pod that has not begun to run for this long is reported."""
PROGRESS_PATIENCE_S = 1200.0
"""A trial that has told of no progress for this long is reported."""


def find_trouble(observed: Observed, standing: Standing) -> Reason | None:
    """Return what is wrong, or None. The first of `TROUBLES` that speaks wins."""
    for check in TROUBLES:
        reason = check(observed, standing)
        if reason is not None:
            return reason
    return None


def _rim(observed: Observed, standing: Standing) -> Reason | None:
    return None if observed.degraded is None else Reason(*observed.degraded)


def _drift(observed: Observed, standing: Standing) -> Reason | None:
    if not observed.drift:
        return None
    return Reason("SpecDrift", f"immutable and ignored: {', '.join(observed.drift)}")


def _corrupt(observed: Observed, standing: Standing) -> Reason | None:
    failure = find_failure(observed, standing)
    return failure if failure is not None and failure.name == "CorpusCorrupt" else None


def _images(observed: Observed, standing: Standing) -> Reason | None:
    images = {outcome.image_id for outcome in observed.outcomes if outcome.image_id}
    if len(images) <= 1:
        return None
    return Reason("ImageChanged", f"trials ran from {len(images)} images")


def _not_started(observed: Observed, standing: Standing) -> Reason | None:
    """Say why a pod does not start, in the scheduler's or the kubelet's words; it is not killed."""
    for attempt in _active(standing, "pending"):
        if attempt.started and observed.now > attempt.started + START_PATIENCE_S:
            words = attempt.message or "nothing is known of its pod"
            return Reason("PodNotStarted", f"trial {attempt.trial}: {words}")
    return None


def _no_progress(observed: Observed, standing: Standing) -> Reason | None:
    for attempt in _active(standing, "running"):
        progress = observed.progress.get(attempt.trial)
        last = attempt.started + (progress.seconds if progress else 0.0)
        idle_s = observed.now - last
        if attempt.started and idle_s > PROGRESS_PATIENCE_S:
            return Reason(
                "NoProgress", f"trial {attempt.trial} has told of none for 20 minutes or more"
            )
    return None


def _fallback(observed: Observed, standing: Standing) -> Reason | None:
    proposed = [record for record in standing.rounds if record.kind == "proposed"]
    if not proposed or proposed[-1].basis != "fallback":
        return None
    return Reason("ProposerFallback", proposed[-1].why)


TROUBLES: tuple[Callable[[Observed, Standing], Reason | None], ...] = (
    _rim,
    _drift,
    _corrupt,
    _images,
    _not_started,
    _no_progress,
    _fallback,
)


def _active(standing: Standing, phase: str) -> list[AttemptState]:
    return [a for t in standing.open_trials for a in t.attempts if a.phase == phase]
