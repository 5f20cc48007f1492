"""Everything of the search stage that comes before the first proposal (contract: "Rounds")."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from mixatlas.contract.mixture import Mixture
from mixatlas.contract.seeds import seed_for
from mixatlas.contract.trial import Purpose
from mixatlas.ledger.records import RoundKind, RoundRecord
from mixatlas.objective.fixing import fix_objective
from mixatlas.plan.actions import Action, RecordObjective, RecordRound
from mixatlas.plan.observed import Accepted, Observed, ProposedTrial
from mixatlas.plan.recording import LARGEST_ROUND, record_round
from mixatlas.plan.standing import Standing, history_of, trials_left
from mixatlas.plan.trial_files import BASE_TRIAL, plan_base, trial_file
from mixatlas.plan.warm_start import take_over
from mixatlas.space.design import initial_design, quasi_random

REPLICATES = 2
"""Further seeds of a mixture that is replicated."""
UNIFORM_REPLICATES_FROM = 48
"""`maxTrials` from which uniform is replicated too."""
_DESIGN_SIZE = "designTrials"
"""Setting of a design round: how many trials all its rounds hold together."""


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


def _replicates_allowed(observed: Observed) -> int:
    """Return the largest number of replicates: under a quarter of `maxTrials`."""
    return math.ceil(observed.live.spec.search.max_trials / 4) - 1


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
    record = record_round(observed, standing, RoundKind.DESIGN, part, taken=taken, why=why).record
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
    return [record_round(observed, standing, RoundKind.DESIGN, trials, taken=taken, why=why)]


def _rescue_reference(observed: Observed, standing: Standing) -> list[Action] | None:
    """Give the reference two further seeds when none of its trials ended ok."""
    reference = observed.accepted.reference
    tries = [trial for trial in standing.search_trials if trial.mixture == reference]
    if any(t.is_ok or t.round.kind is RoundKind.REPLICATES for t in tries):
        return None
    why = "the reference did not end ok: two further seeds"
    trials = [ProposedTrial(mixture=reference, why=why, predicted=None)] * REPLICATES
    record = record_round(
        observed, standing, RoundKind.REPLICATES, trials, taken=[reference], why=why
    )
    return [record]


def _replicate_best(observed: Observed, standing: Standing) -> list[Action] | None:
    """Replicate the best mixture of the design that is no replicate already."""
    if observed.objective is not None or _has_replicated_best(observed.accepted, standing):
        return None
    done = len(standing.of_purpose(Purpose.REPLICATE))
    n = min(REPLICATES, _replicates_allowed(observed) - done, trials_left(observed, standing))
    best = _best_of_design(observed)
    if n <= 0 or best is None:
        return None
    why = "the noise of a trial, at the best mixture of the design"
    trials = [ProposedTrial(mixture=best, why=why, predicted=None)] * n
    return [record_round(observed, standing, RoundKind.REPLICATES, trials, taken=[best], why=why)]


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
    take_over,
    _design,
    _barrier,
    _top_up,
    _rescue_reference,
    _replicate_best,
    _barrier,
    _fix,
)


def _uniform(accepted: Accepted) -> Mixture:
    return accepted.baselines["uniform"]
