"""What the proposer is asked, and how its answers become the plan's.

`answer` runs in the worker process; it imports the surrogate (and with it torch) only there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mixatlas.contract.errors import SpaceExhausted
from mixatlas.contract.metrics import Metric
from mixatlas.contract.mixture import Mixture
from mixatlas.contract.seeds import seed_for
from mixatlas.ledger.history import History
from mixatlas.ledger.records import (
    BasedOn,
    Best,
    Interval,
    ObjectiveRecord,
    PredictedArm,
    PredictedObjective,
    PredictionRecord,
    weights_of,
)
from mixatlas.plan.actions import RequestNomination, RequestProposal
from mixatlas.plan.confirmation import REFERENCE
from mixatlas.plan.observed import Accepted, Observed, ProposedRound, ProposedTrial
from mixatlas.plan.standing import history_of, read_standing

if TYPE_CHECKING:
    from mixatlas.propose.values import ProposeSettings


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ProposeQuestion:
    """Which mixtures to train next."""

    key: str
    accepted: Accepted
    history: History
    objective: ObjectiveRecord
    q: int
    pending: tuple[Mixture, ...]
    seed: int
    warm_start: Mapping[str, tuple[float, ...]] | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NominateQuestion:
    """Which mixtures to confirm, and what is expected of every arm."""

    key: str
    accepted: Accepted
    history: History
    objective: ObjectiveRecord
    revision: int
    n_candidates: int
    n_seeds: int
    based_on: BasedOn
    seed: int


def propose_question(
    observed: Observed, action: RequestProposal, objective: ObjectiveRecord
) -> ProposeQuestion:
    """Gather what a proposal depends on, all of it stored in the ledger."""
    search = observed.accepted.search.spec.search
    return ProposeQuestion(
        key=action.key,
        accepted=observed.accepted,
        history=history_of(observed),
        objective=objective,
        q=action.q,
        pending=action.pending,
        seed=seed_for(search.seed, "propose", action.round_number),
        warm_start=read_standing(observed).last_hyperparameters,
    )


def nominate_question(
    observed: Observed, action: RequestNomination, objective: ObjectiveRecord
) -> NominateQuestion:
    """Gather what a nomination depends on."""
    search = observed.accepted.search.spec.search
    return NominateQuestion(
        key=action.key,
        accepted=observed.accepted,
        history=history_of(observed),
        objective=objective,
        revision=action.revision,
        n_candidates=action.n_candidates,
        n_seeds=observed.live.spec.confirm.seeds,
        based_on=action.based_on,
        seed=seed_for(search.seed, "predict", action.revision),
    )


def answer(question: ProposeQuestion | NominateQuestion) -> ProposedRound | PredictionRecord | None:
    """Answer a question; None says that the space is exhausted.

    The answer depends on the question alone, so a restarted search gets the same one.
    """
    if isinstance(question, NominateQuestion):
        return _nominate(question)
    try:
        return _propose(question)
    except SpaceExhausted:
        return None


def _propose(question: ProposeQuestion) -> ProposedRound:
    from mixatlas.propose.propose import propose

    proposal = propose(
        question.accepted.space,
        question.history,
        q=question.q,
        pending=question.pending,
        seed=question.seed,
        warm_start=question.warm_start,
        settings=_settings(question.accepted, question.objective),
    )
    incumbent = proposal.incumbent
    return ProposedRound(
        trials=tuple(
            ProposedTrial(
                mixture=mixture,
                why=why,
                predicted=PredictedObjective(mean=p.mean, sd=p.sd) if p is not None else None,
            )
            for mixture, p, why in zip(
                proposal.mixtures, proposal.predicted, proposal.whys, strict=True
            )
        ),
        basis=proposal.basis,
        why=proposal.why,
        expected_improvement=proposal.expected_improvement,
        hyperparameters=proposal.hyperparameters,
        best=Best(
            trial=incumbent.trial,
            objective=Interval(mean=incumbent.mean, lower=incumbent.lower, upper=incumbent.upper),
        )
        if incumbent is not None
        else None,
    )


def _nominate(question: NominateQuestion) -> PredictionRecord:
    from mixatlas.propose.nominate import nominate

    accepted = question.accepted
    nomination = nominate(
        accepted.space,
        question.history,
        n=question.n_candidates,
        arms={**accepted.baselines, REFERENCE: accepted.reference},
        seed=question.seed,
        settings=_settings(accepted, question.objective),
    )
    return PredictionRecord(
        revision=question.revision,
        based_on=question.based_on,
        seeds=question.n_seeds,
        arms=tuple(
            PredictedArm(
                mixture=weights_of(arm.mixture, accepted.view),
                roles=arm.roles,
                objective=arm.objective,
                benchmarks={
                    name: _own_direction(interval, accepted.metrics[name])
                    for name, interval in arm.benchmarks.items()
                },
                probability_best=arm.probability_best,
            )
            for arm in nomination.arms
        ),
        near_optimal=nomination.near,
    )


def _own_direction(interval: Interval, metric: Metric) -> Interval:
    """Turn a larger-is-better interval back into the metric's own direction."""
    if not metric.is_loss:
        return interval
    return Interval(mean=-interval.mean, lower=-interval.upper, upper=-interval.lower)


def _settings(accepted: Accepted, objective: ObjectiveRecord) -> ProposeSettings:
    from mixatlas.propose.values import ProposeSettings
    from mixatlas.surrogate.feasibility import MaxDrop

    spec = accepted.search.spec
    return ProposeSettings(
        objective=objective,
        method=spec.search.method,
        acquisition=spec.search.acquisition.name,
        beta=float(spec.search.acquisition.beta),
        constraints=tuple(
            MaxDrop(
                benchmark=constraint.benchmark,
                max_drop=float(constraint.max_drop),
                relative_to=accepted.baselines[constraint.relative_to]
                if constraint.relative_to
                else accepted.reference,
            )
            for constraint in spec.objective.constraints
        ),
    )
