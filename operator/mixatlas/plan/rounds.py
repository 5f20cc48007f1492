"""Which round comes next in the search stage (contract: "Rounds")."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from mixatlas.contract.mixture import Mixture
from mixatlas.contract.seeds import seed_for
from mixatlas.contract.trial import Purpose
from mixatlas.ledger.fold import fold
from mixatlas.ledger.history import History
from mixatlas.ledger.records import BasedOn, PlannedTrial, RoundKind, RoundRecord, mixture_of
from mixatlas.objective.fixing import fix_objective
from mixatlas.plan.actions import Action, RecordObjective, RecordRound, RequestProposal
from mixatlas.plan.observed import (
    Accepted,
    Failed,
    Idle,
    Observed,
    ProposedRound,
    ProposedTrial,
    Ready,
)
from mixatlas.plan.standing import Standing, TrialStanding
from mixatlas.plan.trial_files import BASE_TRIAL, base_of, plan_base, plan_trial, trial_file
from mixatlas.plan.warm_start import taken_over
from mixatlas.space.design import initial_design, quasi_random

LARGEST_ROUND = 64
REPLICATES = 2
"""Further seeds of a mixture that is replicated."""
UNIFORM_REPLICATES_FROM = 48
"""`maxTrials` from which uniform is replicated too."""
_DESIGN_SIZE = "designTrials"
"""Setting of a design round: how many trials all its rounds hold together."""


def history_of(observed: Observed) -> History:
    """Return what the search stage has learned so far."""
    accepted = observed.accepted
    return fold(observed.outcomes, domains=accepted.space.domains, metrics=accepted.metrics)


def trains_base(accepted: Accepted) -> bool:
    """Tell whether the search trains its own shared base as trial 0."""
    base = accepted.search.spec.proxy.base
    return base is not None and base.warmup_tokens is not None


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


def trials_left(observed: Observed, standing: Standing) -> int:
    """Return how many trials `maxTrials` still allows, never below 0."""
    return max(0, observed.live.spec.search.max_trials - len(standing.search_trials))


def replicates_allowed(observed: Observed) -> int:
    """Return the largest number of replicates: under a quarter of `maxTrials`."""
    return math.ceil(observed.live.spec.search.max_trials / 4) - 1


def design_trials(accepted: Accepted, known: Sequence[Mixture] = ()) -> tuple[ProposedTrial, ...]:
    """Return round 1: the initial design, then the replicates that belong to it.

    The design never takes more than `initialTrials`; replicates of the reference (and of
    uniform in long searches) follow, after those of the best have their share of the quota.

    Args:
        accepted: The search.
        known: The mixture of each trial that was taken over. They are not trained again and
            count in `initialTrials`; a baseline that is not among them is trained in any case.
    """
    settings = accepted.search.spec.search
    points = initial_design(
        accepted.space,
        baselines=accepted.baselines,
        n=settings.initial_trials,
        seed=seed_for(settings.seed, "design", 0),
        method=settings.method,
    )
    replicated = ["reference"]
    if settings.max_trials >= UNIFORM_REPLICATES_FROM and accepted.reference != _uniform(accepted):
        replicated.append("uniform")
    quota = math.ceil(settings.max_trials / 4) - 1 - REPLICATES
    n_known = Counter(known)
    replicates: list[tuple[Mixture, str]] = []
    for name in replicated:
        mixture = accepted.reference if name == "reference" else _uniform(accepted)
        missing = REPLICATES - max(0, n_known[mixture] - 1)
        n = max(0, min(missing, quota - len(replicates)))
        replicates += [(mixture, f"the noise of a trial, at the {name} mixture")] * n
    baselines = set(accepted.baselines.values())
    new = [p for p in points if p.mixture not in n_known]
    n_free = settings.initial_trials - len(n_known) - sum(p.mixture in baselines for p in new)
    others = [p for p in new if p.mixture not in baselines][: max(0, n_free)]
    wanted = [p for p in new if p.mixture in baselines or p in others]
    return (
        *(ProposedTrial(mixture=p.mixture, why=p.why, predicted=None) for p in wanted),
        *(ProposedTrial(mixture=mixture, why=why, predicted=None) for mixture, why in replicates),
    )


def _uniform(accepted: Accepted) -> Mixture:
    return accepted.baselines["uniform"]


def _base(observed: Observed, standing: Standing) -> list[Action] | None:
    """Record round 0, and wait until the shared base is there: later digests need it."""
    planned = plan_base(observed.accepted)
    if planned is None:
        return None
    if BASE_TRIAL in standing.trials:
        return None if standing.trials[BASE_TRIAL].is_ok else []
    record = RoundRecord(
        round=0,
        kind=RoundKind.BASE,
        basis="base",
        why="one shared start, trained once",
        fidelity=trial_file(observed.accepted, planned, base=None).tokens,
        trials=(planned,),
    )
    return [RecordRound(record)]


def _take_over(observed: Observed, standing: Standing) -> list[Action] | None:
    """Record the trials that a warm start brings, under their old numbers.

    New trials are numbered after them, so that no seed is used twice.
    """
    accepted = observed.accepted
    if any(r.kind not in (RoundKind.BASE, RoundKind.WARM_START) for r in standing.rounds):
        return None
    base = base_of(accepted, standing)
    recorded = {trial.planned.trial for trial in standing.of_kind(RoundKind.WARM_START)}
    found = taken_over(accepted, observed.earlier, base=base)
    part = [outcome for outcome in found if outcome.trial not in recorded][:LARGEST_ROUND]
    if not part:
        return None
    known = {trial.mixture for trial in standing.of_kind(RoundKind.WARM_START)}
    trials: list[PlannedTrial] = []
    for outcome in part:
        mixture = mixture_of(outcome.mixture, accepted.space.domains)
        trials.append(
            PlannedTrial(
                trial=outcome.trial,
                purpose=_purpose(accepted, RoundKind.WARM_START, mixture, known),
                mixture=outcome.mixture,
                seed=outcome.seed,
                k=outcome.trial,
                digest=outcome.digest,
                why=f"taken over from {outcome.taken_from}",
            )
        )
        known.add(mixture)
    record = RoundRecord(
        round=standing.next_round,
        kind=RoundKind.WARM_START,
        based_on=_based_on(standing),
        settings=settings_of(observed),
        basis="ledger",
        why="trials of earlier searches, taken as done",
        fidelity=accepted.search.spec.proxy.tokens,
        trials=tuple(trials),
    )
    return [RecordRound(record)]


def _design(observed: Observed, standing: Standing) -> list[Action] | None:
    """Record what is missing of round 1, at most `LARGEST_ROUND` trials a round."""
    parts = [record for record in standing.rounds if _DESIGN_SIZE in record.settings]
    recorded = sum(len(record.trials) for record in parts)
    if parts and recorded >= parts[0].settings[_DESIGN_SIZE]:
        return None
    known = [trial.mixture for trial in standing.of_kind(RoundKind.WARM_START)]
    wanted = design_trials(observed.accepted, known)
    part = wanted[recorded : recorded + LARGEST_ROUND]
    if not part:
        return None
    taken = [*known, *(trial.mixture for trial in wanted[:recorded])]
    why = "baselines, tilts, Dirichlets and Sobol points, with replicates of the reference"
    record = _record(observed, standing, RoundKind.DESIGN, part, taken=taken, why=why).record
    size = {_DESIGN_SIZE: len(wanted)}
    return [RecordRound(record.model_copy(update={"settings": record.settings | size}))]


def _barrier(observed: Observed, standing: Standing) -> list[Action] | None:
    """Rounds 1 and 2 end before anything that builds on them begins."""
    waiting = standing.of_kind(RoundKind.WARM_START, RoundKind.DESIGN, RoundKind.REPLICATES)
    return [] if any(trial.is_open for trial in waiting) else None


def _top_up(observed: Observed, standing: Standing) -> list[Action] | None:
    """Add points while fewer than max(4, half) of the design ended ok."""
    settings = observed.accepted.search.spec.search
    design = standing.of_kind(RoundKind.WARM_START, RoundKind.DESIGN)
    n_ok = len({trial.mixture for trial in design if trial.is_ok})
    missing = max(4, math.ceil(settings.initial_trials / 2)) - n_ok
    missing = min(missing, trials_left(observed, standing))
    if missing <= 0 or observed.objective is not None:
        return None
    taken = [trial.mixture for trial in standing.search_trials]
    points = quasi_random(
        observed.accepted.space,
        missing,
        taken=taken,
        seed=seed_for(settings.seed, "design", standing.next_round),
    )
    if not points:
        return None
    why = "topped up: too few of the design ended ok"
    trials = [ProposedTrial(mixture=point, why=why, predicted=None) for point in points]
    return [_record(observed, standing, RoundKind.DESIGN, trials, taken=taken, why=why)]


def _rescue_reference(observed: Observed, standing: Standing) -> list[Action] | None:
    """Give the reference two further seeds when none of its trials ended ok."""
    reference = observed.accepted.reference
    tries = [trial for trial in standing.search_trials if trial.mixture == reference]
    if any(t.is_ok or t.round.kind is RoundKind.REPLICATES for t in tries):
        return None
    why = "the reference did not end ok: two further seeds"
    trials = [ProposedTrial(mixture=reference, why=why, predicted=None)] * REPLICATES
    record = _record(observed, standing, RoundKind.REPLICATES, trials, taken=[reference], why=why)
    return [record]


def _replicate_best(observed: Observed, standing: Standing) -> list[Action] | None:
    """Replicate the best mixture of the design that is no replicate already."""
    if observed.objective is not None or _has_replicated_best(observed.accepted, standing):
        return None
    done = len(standing.of_purpose(Purpose.REPLICATE))
    n = min(REPLICATES, replicates_allowed(observed) - done, trials_left(observed, standing))
    best = _best_of_design(observed)
    if n <= 0 or best is None:
        return None
    why = "the noise of a trial, at the best mixture of the design"
    trials = [ProposedTrial(mixture=best, why=why, predicted=None)] * n
    return [_record(observed, standing, RoundKind.REPLICATES, trials, taken=[best], why=why)]


def _has_replicated_best(accepted: Accepted, standing: Standing) -> bool:
    """Tell whether a mixture has replicates that are not those of round 1."""
    here = {trial.mixture for trial in standing.of_kind(RoundKind.REPLICATES)}
    earlier = {
        trial.mixture
        for trial in standing.of_kind(RoundKind.WARM_START)
        if trial.planned.purpose is Purpose.REPLICATE
    }
    return bool((here | earlier - {_uniform(accepted)}) - {accepted.reference})


def _best_of_design(observed: Observed) -> Mixture | None:
    """Return the mixture with the highest mean objective among those not yet replicated."""
    history = history_of(observed)
    values_n = observed.accepted.scale.objective(history.Y_nm)
    single = {
        mixture: float(values_n[list(rows)].mean())
        for mixture, rows in history.groups().items()
        if len(rows) == 1 and np.isfinite(values_n[list(rows)]).all()
    }
    return max(single, key=lambda mixture: (single[mixture], mixture.parts), default=None)


def _fix(observed: Observed, standing: Standing) -> list[Action] | None:
    if observed.objective is not None:
        return None
    accepted = observed.accepted
    history = history_of(observed)
    scored = [row for row in range(history.n) if np.isfinite(history.Y_nm[row]).all()]
    if not any(history.mixtures[row] == accepted.reference for row in scored):
        return []  # `completion.find_failure` says ReferenceFailed
    objective = accepted.search.spec.objective
    record = fix_objective(
        history,
        accepted.yardstick,
        scale=objective.scale,
        reference=objective.reference,
        reference_mixture=accepted.reference,
    )
    return [RecordObjective(record)]


STEPS: tuple[Callable[[Observed, Standing], list[Action] | None], ...] = (
    _base,
    _take_over,
    _design,
    _barrier,
    _top_up,
    _rescue_reference,
    _replicate_best,
    _barrier,
    _fix,
)


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
            based_on=_based_on(standing),
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
    record = _record(
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


def _record(
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
                purpose=_purpose(accepted, kind, trial.mixture, known),
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
            based_on=_based_on(standing),
            settings=settings_of(observed),
            basis="design",
            why=why,
            fidelity=accepted.search.spec.proxy.tokens,
            trials=tuple(planned),
        )
    )


def _purpose(accepted: Accepted, kind: RoundKind, mixture: Mixture, known: set[Mixture]) -> Purpose:
    if mixture in known:
        return Purpose.REPLICATE
    if mixture in accepted.baselines.values():
        return Purpose.BASELINE
    return Purpose.PROPOSED if kind is RoundKind.PROPOSED else Purpose.INITIAL


def settings_of(observed: Observed) -> dict[str, Any]:
    """Return the settings that a round's proposal depends on, as they are stored with it."""
    search = observed.accepted.search.spec.search
    return {"method": search.method, "beta": str(search.acquisition.beta)}


def _based_on(standing: Standing) -> BasedOn:
    trials: Sequence[TrialStanding] = standing.search_trials
    return BasedOn(
        finished=tuple(t.planned.trial for t in trials if not t.is_open),
        pending=tuple(t.planned.trial for t in trials if t.is_open),
    )
