"""Which round comes next in the search stage (contract: "Rounds")."""

from __future__ import annotations

from mixatlas.contract.seeds import seed_for
from mixatlas.ledger.records import RoundKind
from mixatlas.plan.actions import Action, RecordRound, RequestProposal
from mixatlas.plan.design import STEPS
from mixatlas.plan.observed import (
    Failed,
    Idle,
    Observed,
    ProposedRound,
    ProposedTrial,
    Ready,
)
from mixatlas.plan.recording import LARGEST_ROUND, based_on, record_round
from mixatlas.plan.standing import Standing, trials_left
from mixatlas.space.design import quasi_random


def next_round(observed: Observed, standing: Standing, *, free: int) -> list[Action]:
    """Return the next step of the search stage, or nothing while it must wait.

    The chain is the order of a search: base, trials of earlier searches, design with replicates
    of the reference, enough ok trials, the reference itself, replicates of the best, the fixed
    objective, proposals.

    Args:
        observed: Everything known.
        standing: The same by trial.
        free: Slots that no trial waits for.
    """
    for step in STEPS:
        actions = step(observed, standing)
        if actions is not None:
            return actions
    return _proposals(observed, standing, free=free)


def _proposals(observed: Observed, standing: Standing, *, free: int) -> list[Action]:
    """Ask for all free slots at once, once every trial of the earlier rounds has started."""
    number = standing.next_round
    key = f"round-{number:04d}"
    match observed.proposal:
        case Ready(key=ready, answer=ProposedRound() | None as answer) if ready == key:
            return [_proposed_round(observed, standing, answer)]
        case Failed(key=failed, reason=reason) if failed == key:
            return [_fallback_round(observed, standing, reason, q=max(1, free))]
        case Idle() | Ready() | Failed():
            pass  # an answer to a question that is no longer asked is dropped
        case _:
            return []
    waiting = [trial for trial in standing.search_trials if not trial.was_started]
    q = min(free, trials_left(observed, standing), LARGEST_ROUND)
    if waiting or q <= 0:
        return []
    return [
        RequestProposal(
            key=key,
            round_number=number,
            q=q,
            based_on=based_on(standing),
            pending=tuple(t.mixture for t in standing.search_trials if t.is_open),
        )
    ]


def _proposed_round(
    observed: Observed, standing: Standing, answer: ProposedRound | None
) -> RecordRound:
    """Record the proposer's answer; an empty round says that the space is exhausted."""
    if answer is None:
        why = "no further mixture lies far enough from those already tried"
        answer = ProposedRound(trials=(), basis="surrogate", why=why)
    taken = [trial.mixture for trial in standing.search_trials]
    record = record_round(
        observed, standing, RoundKind.PROPOSED, answer.trials, taken=taken, why=answer.why
    ).record
    fitted = dict(answer.hyperparameters) if answer.hyperparameters else None
    return RecordRound(
        record.model_copy(
            update={
                "basis": answer.basis,
                "expected_improvement": answer.expected_improvement,
                "hyperparameters": fitted,
                "best": answer.best,
            }
        )
    )


def _fallback_round(observed: Observed, standing: Standing, reason: str, *, q: int) -> RecordRound:
    """Go on with quasi-random points when the proposer failed or took too long."""
    points = quasi_random(
        observed.accepted.space,
        min(q, trials_left(observed, standing)),
        taken=[trial.mixture for trial in standing.search_trials],
        seed=seed_for(observed.accepted.search.spec.search.seed, "propose", standing.next_round),
    )
    trials = tuple(ProposedTrial(mixture=p, why="quasi-random", predicted=None) for p in points)
    why = f"quasi-random: the proposer failed: {reason}"
    return _proposed_round(
        observed, standing, ProposedRound(trials=trials, basis="fallback", why=why)
    )
