"""The record of a round: numbers, seeds and purposes of its trials."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from mixatlas.contract.mixture import Mixture
from mixatlas.contract.trial import Purpose
from mixatlas.ledger.records import BasedOn, PlannedTrial, RoundKind, RoundRecord
from mixatlas.plan.actions import RecordRound
from mixatlas.plan.observed import Accepted, Observed, ProposedTrial
from mixatlas.plan.standing import Standing
from mixatlas.plan.trial_files import base_of, plan_trial

LARGEST_ROUND = 64


def record_round(
    observed: Observed,
    standing: Standing,
    kind: RoundKind,
    trials: Sequence[ProposedTrial],
    *,
    taken: Iterable[Mixture],
    why: str,
) -> RecordRound:
    """Number and seed the trials of a round; a mixture that is `taken` is a replicate."""
    accepted = observed.accepted
    base = base_of(accepted, standing)
    known = set(taken)
    planned: list[PlannedTrial] = []
    for number, trial in enumerate(trials, start=standing.next_trial):
        planned.append(
            plan_trial(
                accepted,
                trial.mixture,
                trial=number,
                purpose=purpose_of(accepted, kind, trial.mixture, known),
                base=base,
                why=trial.why,
                predicted=trial.predicted,
            )
        )
        known.add(trial.mixture)
    return RecordRound(
        RoundRecord(
            round=standing.next_round,
            kind=kind,
            based_on=based_on(standing),
            settings=settings_of(observed),
            basis="design",
            why=why,
            fidelity=accepted.search.spec.proxy.tokens,
            trials=tuple(planned),
        )
    )


def settings_of(observed: Observed) -> dict[str, Any]:
    """Return the settings that a round's proposal depends on, as they are stored with it.

    The acquisition is named where it is not the one that all rounds once had: a search that goes
    on under a newer version records what the older one would have.
    """
    search = observed.accepted.search.spec.search
    acquisition = search.acquisition
    named = {} if acquisition.name == "UpperConfidenceBound" else {"acquisition": acquisition.name}
    return {"method": search.method, **named, "beta": str(acquisition.beta)}


def purpose_of(
    accepted: Accepted, kind: RoundKind, mixture: Mixture, known: set[Mixture]
) -> Purpose:
    """Return what a trial of the search stage is for; `known` are the mixtures before it."""
    if mixture in known:
        return Purpose.REPLICATE
    if mixture in accepted.baselines.values():
        return Purpose.BASELINE
    return Purpose.PROPOSED if kind is RoundKind.PROPOSED else Purpose.INITIAL


def based_on(standing: Standing) -> BasedOn:
    """Return the trials of the search stage that a decision knows."""
    trials = standing.search_trials
    return BasedOn(
        finished=tuple(t.planned.trial for t in trials if not t.is_open),
        pending=tuple(t.planned.trial for t in trials if t.is_open),
    )
