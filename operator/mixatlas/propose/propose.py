"""The next mixtures to train: the one question a search asks of its surrogate.

Notation (all float64; rows of W lie on the simplex)
    n  finished trials    d  domains    m  benchmarks    q  mixtures asked for    p  pending
    W_nd   weights of the finished trials        P_pd   weights of trials still training
    Y_nm   their scores, larger is better, NaN = not measured

Knows: spaces, histories, surrogates.  Never knows: Kubernetes, S3, files, clocks, Trial objects.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mixatlas.contract.errors import FitFailed, HistoryMismatch
from mixatlas.contract.mixture import Mixture
from mixatlas.ledger.history import History
from mixatlas.propose.acquisition import (
    TURNS,
    LogNoisyExpectedImprovement,
    Turn,
    UpperConfidenceBound,
    expected_improvement,
    reach_of,
    turn_at,
)
from mixatlas.propose.ascent import Criterion, best_first, candidate_pool, ranked
from mixatlas.propose.tried import Tried, incumbent_of, rank_tried
from mixatlas.propose.values import (
    DEFAULTS,
    Acquisition,
    Incumbent,
    Predicted,
    Proposal,
    ProposeSettings,
)
from mixatlas.space.design import fill, is_apart, quasi_random
from mixatlas.space.space import MixtureSpace
from mixatlas.surrogate.fit import Hyperparameters
from mixatlas.surrogate.learning import Learned, learn
from mixatlas.surrogate.posterior import ObjectivePosterior
from mixatlas.surrogate.threads import single_thread

FloatArray = NDArray[np.float64]

MOST_ASKED = 64
WHY_EXPLORE: Mapping[Acquisition, str] = {
    "UpperConfidenceBound": "best upper confidence bound",
    "LogNoisyExpectedImprovement": "largest expected improvement over all trials",
}
WHY_TEST, WHY_SPREAD = "best mean", "quasi-random, to learn which domains matter"
N_KEPT = 128
"""Of the pool, for all maxima but the first of a kind: counting a mixture as observed lowers the
criterion around it and raises it nowhere, so what was far behind stays behind."""
MOST_BASELINES = 48
"""Best tried mixtures whose objectives an improvement is over: worse ones are hardly ever best."""
N_SPREAD = 16
"""Quasi-random mixtures that are looked at for a feasible one."""
N_PROMISING = 4
"""Best tried mixtures that the candidate pool surrounds."""


def propose(
    space: MixtureSpace,
    history: History,
    *,
    q: int,
    pending: Sequence[Mixture] = (),
    seed: int,
    warm_start: Hyperparameters | None = None,
    settings: ProposeSettings = DEFAULTS,
) -> Proposal:
    """Choose the next `q` mixtures to train.

    While `settings.objective` is not fixed, and under the methods Sobol and Random, mixtures
    fill the feasible part of the simplex; under Bayesian they maximise the acquisition, maximise
    the posterior mean of the objective, and fill the space, in turn. The result depends on the
    arguments alone, so a restarted search proposes the same batch again.

    Args:
        space: The `d` domains with bounds, caps and linear constraints; proven non-empty.
        history: The `n` finished trials in any order. Diverged trials count as infeasible,
            not as low scores. `n = 0` is allowed.
        q: Number of mixtures, 1..64.
        pending: Mixtures in training now. None is proposed again; each counts as observed
            at its predicted score, so that parallel trials spread out.
        seed: Source of every random draw; use `seed_for(search_seed, "propose", round)`.
        warm_start: Hyper-parameters stored in the last round's record; None fits from the prior.
        settings: Objective, method, sizes and tolerances.

    Returns:
        Exactly `q` distinct mixtures, in the order of their turns, each meeting every constraint
        exactly and at least 0.005 (total variation) from every finished and pending mixture and
        from each other.

    Raises:
        SpaceExhausted: Fewer than `q` feasible mixtures at the least distance remain.
        HistoryMismatch: A trial has a domain or benchmark that the space or objective lacks.
        ValueError: `q` is outside 1..64.

    Cost:
        A fit and its folds, O(n³ m), then a pool and some ascents a mixture: 1 s for 6 benchmarks,
        22 domains and 40 trials on one core. CPU-bound and blocking: call it in a worker process.

    Example:
        >>> from mixatlas.space.build import build_space
        >>> space = build_space(tokens={"photo": 10, "chart": 10, "document": 10})
        >>> batch = propose(space, History.empty(space.domains, ("vqa",)), q=2, seed=7)
        >>> [sum(mixture.ppm) for mixture in batch.mixtures], batch.basis
        ([1000000, 1000000], 'design')
    """
    question = Question(
        space=space, history=history, q=q, pending=tuple(pending), seed=seed, settings=settings
    )
    if settings.objective is None:
        return _spread(question, why="space-filling: the objective is not fixed yet")
    with single_thread():
        try:
            learned = learn(
                history,
                settings.objective,
                constraints=settings.constraints,
                least_epsilon=settings.least_epsilon,
                warm_start=warm_start,
            )
            return ask(question, learned, rank_tried(space, history, learned))
        except FitFailed as error:
            return fall_back(question, error)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Question:
    """The arguments of `propose`, checked."""

    space: MixtureSpace
    history: History
    q: int
    pending: tuple[Mixture, ...]
    seed: int
    settings: ProposeSettings

    def __post_init__(self) -> None:
        if not 1 <= self.q <= MOST_ASKED:
            raise ValueError(f"q is {self.q}; it must be 1 to {MOST_ASKED}")
        if self.history.domains != self.space.domains:
            raise HistoryMismatch(
                "the history is over other domains than the space",
                hint=f"The space has {', '.join(self.space.domains)}.",
            )

    @property
    def n_asked(self) -> int:
        """Trials before this question, finished or not."""
        return self.history.n + len(self.pending)

    @property
    def taken(self) -> tuple[Mixture, ...]:
        """What no proposal may come near, each once."""
        return tuple(dict.fromkeys((*self.history.mixtures, *self.pending)))

    def fill(self, n: int, taken: Sequence[Mixture]) -> tuple[Mixture, ...]:
        """Return `n` space-filling mixtures, or raise `SpaceExhausted`."""
        is_sobol = self.settings.method != "Random"
        return fill(self.space, n, taken=taken, seed=self.seed, is_sobol=is_sobol)


def _spread(question: Question, *, why: str) -> Proposal:
    mixtures = question.fill(question.q, question.taken)
    return Proposal(
        mixtures=mixtures,
        predicted=(None,) * len(mixtures),
        whys=(why,) * len(mixtures),
        basis="design",
        why=why,
    )


def fall_back(question: Question, error: FitFailed) -> Proposal:
    """Turn a numerical failure into space-filling points: a search must go on."""
    if question.settings.method != "Bayesian":
        return _spread(question, why=f"{question.settings.method} points")
    spread = _spread(question, why=f"quasi-random, because the surrogate failed: {error.message}")
    return replace(spread, basis="fallback")


def ask(question: Question, learned: Learned, tried: Tried) -> Proposal:
    """Choose and describe mixtures with a surrogate that is fitted already.

    Raises:
        SpaceExhausted: As `propose`.
    """
    settings, posterior = question.settings, learned.posterior
    incumbent = incumbent_of(tried, posterior, n_draws=settings.n_draws, seed=question.seed)
    if settings.method == "Bayesian":
        turns = [turn_at(question.n_asked + i) for i in range(question.q)]
        if turns != ["spread"]:
            mixtures = hopeful = _maximise(question, posterior, tried, turns)
        else:
            # What a search may still gain is not what the mixture that only teaches would.
            hopeful = _maximise(question, posterior, tried, ["explore"])
            mixtures = (_far_and_feasible(question, posterior, question.taken),)
        why_of = {
            "explore": WHY_EXPLORE[settings.acquisition],
            "test": WHY_TEST,
            "spread": WHY_SPREAD,
        }
        whys = tuple(why_of[turn] for turn in turns)
        why = f"{why_of['explore']}, {why_of['test']} and quasi-random in turn"
    else:
        mixtures = hopeful = question.fill(question.q, question.taken)
        why = f"{settings.method} points"
        whys = (why,) * len(mixtures)
    mean_q, sd_q = posterior.moments(_weights(mixtures))
    return Proposal(
        mixtures=mixtures,
        predicted=tuple(
            Predicted(mean=float(mean), sd=float(sd)) for mean, sd in zip(mean_q, sd_q, strict=True)
        ),
        whys=whys,
        basis="surrogate" if settings.method == "Bayesian" else "design",
        why=why,
        expected_improvement=None
        if incumbent is None
        else _improvement(question, posterior, incumbent, hopeful),
        incumbent=incumbent,
        hyperparameters=learned.hyperparameters,
    )


def _maximise(
    question: Question, posterior: ObjectivePosterior, tried: Tried, turns: Sequence[Turn]
) -> tuple[Mixture, ...]:
    """Take one mixture a turn, each counted as asked for before the next."""
    space, settings = question.space, question.settings
    rng = np.random.default_rng(question.seed)
    promising = list(tried.best_eligible[:N_PROMISING])
    pool_kd = candidate_pool(space, tried.W_gd[promising], n=settings.n_pool, rng=rng)
    reach = reach_of(posterior, space, seed=question.seed)
    # What leads at first when exploring may not when testing.
    pools: dict[Turn, FloatArray] = dict.fromkeys(TURNS, pool_kd)
    # The first maximum is the best by far; the next ones are where it was not.
    n_starts = settings.n_starts
    chosen: list[Mixture] = []
    for turn in turns:
        taken = (*question.taken, *chosen)
        mixture = None
        if turn != "spread":
            criterion = _criterion(question, posterior, tried, chosen, turn=turn, reach=reach)
            pool_kd = ranked(criterion, pools[turn])
            found = best_first(space, criterion, pool_kd, n_starts=n_starts, rng=rng)
            mixture = next((m for m in found if is_apart(m, taken)), None)
            pools[turn] = pool_kd[:N_KEPT]
            n_starts = -(-settings.n_starts // 2)
        chosen.append(mixture or _far_and_feasible(question, posterior, taken))
    return tuple(chosen)


def _far_and_feasible(
    question: Question, posterior: ObjectivePosterior, taken: Sequence[Mixture]
) -> Mixture:
    """Return the next quasi-random mixture that is likelier feasible than not, if there is one."""
    found = quasi_random(question.space, N_SPREAD, taken=taken, seed=question.seed)
    if not found:
        return question.fill(1, taken)[0]
    chance_k = posterior.probability_feasible(_weights(found))
    return found[int(np.minimum(chance_k, 0.5).argmax())]


def _criterion(
    question: Question,
    posterior: ObjectivePosterior,
    tried: Tried,
    chosen: Sequence[Mixture],
    *,
    turn: Turn,
    reach: float,
) -> Criterion:
    """Return what the next mixture maximises, after those chosen already."""
    settings = question.settings
    A_ad = _weights((*question.pending, *chosen)).reshape(-1, question.space.d)
    bound = UpperConfidenceBound(
        posterior=posterior.observing(A_ad),
        beta=0.0 if turn == "test" else settings.beta,
        floor=float(tried.mean_g.min()),
        reach=reach,
    )
    if turn == "test" or settings.acquisition == "UpperConfidenceBound":
        return bound
    best = list(tried.best_eligible[:MOST_BASELINES]) or [0]
    W_gd = np.concatenate([tried.W_gd[best], A_ad])
    return LogNoisyExpectedImprovement.over(posterior, W_gd, bound=bound, seed=question.seed)


def _improvement(
    question: Question,
    posterior: ObjectivePosterior,
    incumbent: Incumbent,
    hopeful: Sequence[Mixture],
) -> float:
    """Return the expected improvement of the best of some mixtures over the incumbent."""
    W_kd = _weights((incumbent.mixture, *hopeful))
    draws = posterior.draws(W_kd, question.settings.n_draws, seed=question.seed)
    return expected_improvement(draws, posterior.probability_feasible(W_kd))


def _weights(mixtures: Sequence[Mixture]) -> FloatArray:
    return np.array([mixture.fractions for mixture in mixtures])
