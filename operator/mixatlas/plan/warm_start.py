"""Trials of earlier searches that stand for trials of this one (contract: "Ledger").

A trial is taken as done when it would be trained from the same digest by the same image. A search
that is created again thus goes on from the ledger of the old one, and trains nothing twice.
"""

from __future__ import annotations

from collections.abc import Mapping

from mixatlas.contract.trial import BaseRef, Purpose
from mixatlas.ledger.fold import SEARCH_PURPOSES
from mixatlas.ledger.records import (
    PlannedTrial,
    RoundKind,
    RoundRecord,
    TrialOutcome,
    mixture_of,
    weights_of,
)
from mixatlas.plan.actions import Action, RecordRound
from mixatlas.plan.observed import Accepted, Observed
from mixatlas.plan.recording import LARGEST_ROUND, based_on, purpose_of, settings_of
from mixatlas.plan.standing import Standing, TrialStanding
from mixatlas.plan.trial_files import base_of, plan_base, trial_file

Earlier = Mapping[str, TrialOutcome]
"""Outcomes of earlier searches by digest; numbers are unique, those of a search in its order."""


def base_among(accepted: Accepted, earlier: Earlier) -> TrialOutcome | None:
    """Return the training of this search's own base, where an earlier search has made it."""
    planned = plan_base(accepted)
    return earlier.get(planned.digest) if planned is not None else None


def taken_over(
    accepted: Accepted, earlier: Earlier, *, base: BaseRef | None
) -> tuple[TrialOutcome, ...]:
    """Return the trials of earlier searches that the search stage begins with, by number.

    Args:
        accepted: The search.
        earlier: What its warm start names.
        base: The checkpoint that its trials start from.
    """
    found = (
        outcome
        for digest, outcome in earlier.items()
        if outcome.purpose in SEARCH_PURPOSES
        and _digest_here(accepted, outcome, base) == digest
        and _is_wanted(accepted, outcome)
    )
    return tuple(sorted(found, key=lambda outcome: outcome.trial))


def take_over(observed: Observed, standing: Standing) -> list[Action] | None:
    """Record the trials that a warm start brings, under their old numbers, before any other round.

    New trials are numbered after them, so that no seed is used twice.
    """
    if any(r.kind not in (RoundKind.BASE, RoundKind.WARM_START) for r in standing.rounds):
        return None
    accepted = observed.accepted
    base = base_of(accepted, standing)
    known = {t.planned.trial: t.mixture for t in standing.of_kind(RoundKind.WARM_START)}
    found = taken_over(accepted, observed.earlier, base=base)
    trials: list[PlannedTrial] = []
    for outcome in [o for o in found if o.trial not in known][:LARGEST_ROUND]:
        mixture = mixture_of(outcome.mixture, accepted.view)
        purpose = purpose_of(accepted, RoundKind.WARM_START, mixture, set(known.values()))
        trials.append(_as_planned(outcome, purpose))
        known[outcome.trial] = mixture
    if not trials:
        return None
    record = RoundRecord(
        round=standing.next_round,
        kind=RoundKind.WARM_START,
        based_on=based_on(standing),
        settings=settings_of(observed),
        basis="ledger",
        why="trials of earlier searches, taken as done",
        fidelity=accepted.search.spec.proxy.tokens,
        trials=tuple(trials),
    )
    return [RecordRound(record)]


def answer_to(trial: TrialStanding, earlier: Earlier) -> TrialOutcome | None:
    """Return how a trial that was never started has ended elsewhere, or None."""
    found = earlier.get(trial.planned.digest)
    if found is None or trial.was_started:
        return None
    ours = {"trial": trial.planned.trial, "purpose": trial.planned.purpose}
    return found.model_copy(update=ours)


def _digest_here(accepted: Accepted, outcome: TrialOutcome, base: BaseRef | None) -> str:
    planned = _as_planned(outcome, outcome.purpose)
    return trial_file(accepted, planned, base=base).digest


def _as_planned(outcome: TrialOutcome, purpose: Purpose) -> PlannedTrial:
    return PlannedTrial(
        trial=outcome.trial,
        purpose=purpose,
        mixture=outcome.mixture,
        seed=outcome.seed,
        k=outcome.trial,
        digest=outcome.digest,
        why=f"taken over from {outcome.taken_from}",
    )


def _is_wanted(accepted: Accepted, outcome: TrialOutcome) -> bool:
    """Only an equal digest, that is an equal corpus, makes its cells ours.

    A search on other axes may have weighed the cells of a slice against each other.
    """
    mixture = mixture_of(outcome.mixture, accepted.view)
    if weights_of(mixture, accepted.view) != outcome.mixture:
        return False
    return accepted.space.contains(mixture) or mixture in accepted.baselines.values()
