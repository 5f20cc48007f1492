"""When nothing is left to do, and why."""

from __future__ import annotations

from mixatlas.ledger.records import WinnerRecord
from mixatlas.plan.completion import Reason, find_failure, why_search_ends
from mixatlas.plan.confirmation import reference_fell_out, revision_due
from mixatlas.plan.observed import Observed
from mixatlas.plan.standing import Standing
from mixatlas.plan.trial_files import BASE_TRIAL


def latest_winner(observed: Observed) -> WinnerRecord | None:
    """Return the winner of the last finished revision."""
    return max(observed.winners, key=lambda record: record.revision, default=None)


def finished_reason(observed: Observed, standing: Standing) -> Reason | None:
    """Return why the search is over, or None while anything is left to do."""
    left = standing.open_trials
    if observed.live.spec.conclude == "Now":
        # The base stays open: it goes on from its checkpoint when `conclude` is taken back.
        is_left = any(t.is_active or t.planned.trial != BASE_TRIAL for t in left)
        return None if is_left else Reason("Cancelled", "spec.conclude is Now")
    if left:
        return None
    failure = find_failure(observed, standing)
    if failure is not None:
        return Reason("Failed", f"{failure.name}: {failure.message}")
    if why_search_ends(observed, standing) is None:
        return None
    revision = revision_due(observed, standing)
    if revision is not None:
        if reference_fell_out(observed, standing, revision):
            return Reason("Failed", "ReferenceFailed: under two seeds of the reference ended ok")
        return None
    winner = latest_winner(observed)
    if winner is None:
        return None
    return Reason("Succeeded" if winner.gain_shown else "NoGainShown", winner.why)
