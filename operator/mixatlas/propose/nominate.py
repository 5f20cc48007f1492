"""What to confirm: the best expected mixtures, and what is expected of every arm beforehand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from mixatlas.contract.errors import FitFailed, HistoryMismatch
from mixatlas.contract.mixture import Mixture
from mixatlas.ledger.history import History
from mixatlas.ledger.records import Interval, ObjectiveRecord
from mixatlas.objective.scale import Scale
from mixatlas.propose.acquisition import UpperConfidenceBound, reach_of
from mixatlas.propose.ascent import best_first, candidate_pool, ranked
from mixatlas.propose.near_optimal import near_optimal
from mixatlas.propose.tried import Tried, rank_tried
from mixatlas.propose.values import DEFAULTS, Arm, Nomination, ProposeSettings
from mixatlas.space.design import is_apart
from mixatlas.space.space import MixtureSpace
from mixatlas.surrogate.learning import learn
from mixatlas.surrogate.posterior import ObjectivePosterior
from mixatlas.surrogate.threads import single_thread

FloatArray = NDArray[np.float64]

ARM_DISTANCE = 0.02
"""Least total variation between candidates: nearer ones would test one mixture twice."""
N_PROMISING = 8


def nominate(
    space: MixtureSpace,
    history: History,
    *,
    n: int,
    arms: Mapping[str, Mixture],
    seed: int,
    settings: ProposeSettings = DEFAULTS,
) -> Nomination:
    """Choose the confirmation's candidates and predict all its arms.

    The first candidate maximises the posterior mean over all of the space that is within reach of
    the trials (see `UpperConfidenceBound`); the others are the measured mixtures with the best
    posterior means. Whatever method proposed the trials, the
    surrogate nominates.

    Args:
        space: Where candidates lie.
        history: All finished trials of the search stage.
        n: Candidates wanted.
        arms: Baselines by name, trained anyway. They may break constraints; none of them is
            nominated, and two names may share a mixture.
        seed: Source of every random draw; use `seed_for(search_seed, "predict", revision)`.
        settings: With the fixed objective.

    Returns:
        Up to `n` candidates, 0.02 apart in total variation, likely feasible (constraints,
        divergence) and in the space, then one arm for each distinct mixture of `arms`. All
        with 95 % predictions of their true scores on the search's items, and the probability
        that each is the best arm, from joint draws; and the size of the near-optimal set. If the
        surrogate cannot be fitted, the candidates are the best measured ones, without predictions
        (`basis` "fallback").

    Raises:
        HistoryMismatch: The history does not fit the space or the objective.
        ValueError: `settings.objective` is missing.
    """
    if settings.objective is None:
        raise ValueError("a nomination needs the fixed objective")
    if history.domains != space.domains:
        raise HistoryMismatch(
            "the history is over other domains than the space",
            hint=f"The space has {', '.join(space.domains)}.",
        )
    named = _roles(arms)
    with single_thread():
        try:
            learned = learn(
                history,
                settings.objective,
                constraints=settings.constraints,
                least_epsilon=settings.least_epsilon,
            )
            tried = rank_tried(space, history, learned)
            return nominate_from(
                space, learned.posterior, tried, n=n, named=named, seed=seed, settings=settings
            )
        except FitFailed as error:
            measured = _best_measured(space, history, settings.objective)
            roles = dict.fromkeys(
                _first_apart(measured, n=n, excluded=tuple(named)), ("candidate",)
            )
            return Nomination(
                arms=_unpredicted(roles | named),
                basis="fallback",
                why=f"best measured mixtures, because the surrogate failed: {error.message}",
            )


def nominate_from(
    space: MixtureSpace,
    posterior: ObjectivePosterior,
    tried: Tried,
    *,
    n: int,
    named: Mapping[Mixture, tuple[str, ...]],
    seed: int,
    settings: ProposeSettings = DEFAULTS,
) -> Nomination:
    """Nominate with a surrogate that is fitted already."""
    end = best_mean(space, posterior, tried, seed=seed, settings=settings)
    measured = (tried.mixtures[position] for position in tried.best_eligible)
    candidates = _first_apart((end, *measured), n=n, excluded=tuple(named))
    roles = dict.fromkeys(candidates, ("candidate",)) | dict(named)
    return Nomination(
        arms=_predicted(posterior, roles, seed=seed, n_draws=settings.n_draws),
        basis="surrogate",
        why="the best posterior mean over the space, then the best among measured mixtures",
        near=near_optimal(space, posterior, tried, end, seed=seed),
    )


def _roles(arms: Mapping[str, Mixture]) -> dict[Mixture, tuple[str, ...]]:
    roles: dict[Mixture, tuple[str, ...]] = {}
    for name, mixture in arms.items():
        roles[mixture] = (*roles.get(mixture, ()), name)
    return roles


def best_mean(
    space: MixtureSpace,
    posterior: ObjectivePosterior,
    tried: Tried,
    *,
    seed: int,
    settings: ProposeSettings,
) -> Mixture:
    """Return the end of the best ascent of the mean, times feasibility, within reach of the trials.

    Args:
        space: Where it lies.
        posterior: Of the objective.
        tried: Some ascents start from or near the best eligible ones.
        seed: Source of every random draw.
        settings: `n_pool` and `n_starts` of the ascents.
    """
    rng = np.random.default_rng(seed)
    promising_kd = tried.W_gd[list(tried.best_eligible[:N_PROMISING])]
    criterion = UpperConfidenceBound(
        posterior=posterior,
        beta=0.0,
        floor=float(tried.mean_g.min()),
        reach=reach_of(posterior, space, seed=seed),
    )
    pool_kd = candidate_pool(space, promising_kd, n=settings.n_pool, rng=rng)
    pool_kd = ranked(criterion, pool_kd)
    return next(best_first(space, criterion, pool_kd, n_starts=settings.n_starts, rng=rng))


def _best_measured(
    space: MixtureSpace, history: History, record: ObjectiveRecord
) -> Iterator[Mixture]:
    """Yield measured mixtures of the space, the best mean objective first, ties by trial."""
    objective_n = Scale.of_record(record).objective(history.Y_nm)
    ranked = []
    for mixture, rows in history.groups().items():
        known = objective_n[list(rows)]
        known = known[np.isfinite(known)]
        if len(known) and space.contains(mixture):
            ranked.append((-float(known.mean()), min(history.trials[r] for r in rows), mixture))
    for _, _, mixture in sorted(ranked, key=lambda entry: entry[:2]):
        yield mixture


def _first_apart(
    best: Iterable[Mixture], *, n: int, excluded: Sequence[Mixture]
) -> tuple[Mixture, ...]:
    chosen: list[Mixture] = []
    for mixture in best:
        if len(chosen) == n:
            break
        if mixture not in excluded and is_apart(mixture, chosen, ARM_DISTANCE):
            chosen.append(mixture)
    return tuple(chosen)


def _predicted(
    posterior: ObjectivePosterior,
    roles: Mapping[Mixture, tuple[str, ...]],
    *,
    seed: int,
    n_draws: int,
) -> tuple[Arm, ...]:
    """Predict all arms from one set of joint draws."""
    W_ad = np.array([mixture.fractions for mixture in roles])
    mean_a, _ = posterior.moments(W_ad)
    mean_am, _ = posterior.scores(W_ad)
    draws = posterior.draws(W_ad, n_draws, seed=seed)
    bounds_2a, bounds_2am = draws.objective_interval(), draws.score_interval()
    best_a = draws.probability_best()
    return tuple(
        Arm(
            mixture=mixture,
            roles=names,
            objective=_interval(mean_a[a], bounds_2a[:, a]),
            benchmarks={
                benchmark: _interval(mean_am[a, m], bounds_2am[:, a, m])
                for m, benchmark in enumerate(posterior.scale.names)
            },
            probability_best=float(best_a[a]),
        )
        for a, (mixture, names) in enumerate(roles.items())
    )


def _interval(mean: float, bounds: FloatArray) -> Interval:
    # A skewed posterior's mean may lie outside its own 95 % interval; people could not read that.
    lower, upper = float(bounds[0]), float(bounds[1])
    return Interval(mean=min(max(float(mean), lower), upper), lower=lower, upper=upper)


def _unpredicted(roles: Mapping[Mixture, tuple[str, ...]]) -> tuple[Arm, ...]:
    return tuple(
        Arm(mixture=mixture, roles=names, objective=None, benchmarks={}, probability_best=None)
        for mixture, names in roles.items()
    )
