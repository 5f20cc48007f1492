"""What was tried, as the posterior sees it: distinct mixtures, the incumbent among them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mixatlas.contract.mixture import Mixture
from mixatlas.ledger.history import History
from mixatlas.propose.values import Incumbent
from mixatlas.space.space import MixtureSpace
from mixatlas.surrogate.learning import Learned
from mixatlas.surrogate.posterior import ObjectivePosterior

FloatArray = NDArray[np.float64]

LIKELY = 0.5
"""Chance of being feasible from which a tried mixture may be the incumbent or a candidate."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tried:
    """Distinct mixtures with scores, best posterior mean first.

    Args:
        mixtures: The `g` mixtures.
        trials: The first trial of each.
        W_gd: Their weights.
        mean_g: Posterior mean of the objective.
        eligible_g: Whether each lies in the space and is likely feasible.
    """

    mixtures: tuple[Mixture, ...]
    trials: tuple[int, ...]
    W_gd: FloatArray
    mean_g: FloatArray
    eligible_g: NDArray[np.bool_]

    @property
    def best_eligible(self) -> tuple[int, ...]:
        """Positions of the eligible mixtures, best first."""
        return tuple(int(position) for position in np.flatnonzero(self.eligible_g))


def rank_tried(space: MixtureSpace, history: History, learned: Learned) -> Tried:
    """Rank the distinct mixtures behind a history's scores by their posterior mean."""
    posterior = learned.posterior
    first: dict[Mixture, int] = {}
    for row in learned.order_n:
        first.setdefault(history.mixtures[row], history.trials[row])
    mixtures = list(first)
    W_gd = np.array([mixture.fractions for mixture in mixtures])
    mean_g, _ = posterior.moments(W_gd)
    likely_g = posterior.probability_feasible(W_gd) >= LIKELY
    rank = sorted(range(len(mixtures)), key=lambda g: (-mean_g[g], first[mixtures[g]]))
    return Tried(
        mixtures=tuple(mixtures[g] for g in rank),
        trials=tuple(first[mixtures[g]] for g in rank),
        W_gd=W_gd[rank],
        mean_g=mean_g[rank],
        eligible_g=np.array([likely_g[g] and space.contains(mixtures[g]) for g in rank]),
    )


def incumbent_of(
    tried: Tried, posterior: ObjectivePosterior, *, n_draws: int, seed: int
) -> Incumbent | None:
    """Return the eligible mixture with the highest posterior mean, or None."""
    if not tried.best_eligible:
        return None
    position = tried.best_eligible[0]
    draws = posterior.draws(tried.W_gd[[position]], n_draws, seed=seed)
    lower, upper = draws.objective_interval()[:, 0]
    return Incumbent(
        trial=tried.trials[position],
        mixture=tried.mixtures[position],
        mean=float(tried.mean_g[position]),
        lower=float(lower),
        upper=float(upper),
    )
