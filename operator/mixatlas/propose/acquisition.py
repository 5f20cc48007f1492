"""What a mixture is worth trying for: an optimistic objective, times the chance that it counts."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mixatlas.space.sampling import sample_uniform
from mixatlas.space.space import MixtureSpace
from mixatlas.surrogate.posterior import Draws, ObjectivePosterior

FloatArray = NDArray[np.float64]

REACH = 0.15
N_RANDOM = 256
"""Random mixtures that say how far a mixture may lie from all trials."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class UpperConfidenceBound:
    """`floor + P(feasible) · (optimistic objective - floor)`, within reach of what was tried.

    Optimistic means √beta posterior sds better, with beta as in BoTorch. The floor is the least
    posterior mean among tried mixtures, so that a mixture that is surely infeasible is worth as
    little as the worst one seen. Out of reach a mixture is worth less than the floor, the less the
    farther: in many dimensions nearly all of the posterior's uncertainty lies in corners that no
    trial comes near, and optimism would walk from corner to corner. The reach moves with the
    trials, so that a good face or corner is come to in steps.

    Args:
        posterior: Of the objective.
        beta: Squared number of sds.
        floor: In objective units.
        reach: Largest doubt (`ObjectivePosterior.optimistic`) of a mixture within reach.
    """

    posterior: ObjectivePosterior
    beta: float
    floor: float
    reach: float

    def __call__(self, W_kd: FloatArray) -> FloatArray:
        """Return the criterion (k,) of mixtures."""
        optimistic_k, doubt_k = self.posterior.optimistic(W_kd, float(np.sqrt(self.beta)))
        chance_k = self.posterior.probability_feasible(W_kd)
        worth_k = self.floor + chance_k * (optimistic_k - self.floor)
        beyond_k = doubt_k - self.reach
        return np.where(beyond_k > 0, np.minimum(worth_k, self.floor) - beyond_k, worth_k)

    def near(self, w_d: FloatArray) -> UpperConfidenceBound:
        """Return a cheap stand-in around one mixture."""
        return replace(self, posterior=self.posterior.near(w_d))


def beta_of(n_asked: int, beta: float) -> float:
    """Return β of the next mixture: the search's own and 0 in turn.

    Optimism alone spends every trial where much is unknown, and under noise no trial tells much: a
    search of some 30 trials would end before it tested what it believes. Every second mixture is
    the one with the best mean.

    Args:
        n_asked: Trials asked for so far.
        beta: The search's.
    """
    return beta if n_asked % 2 == 0 else 0.0


def reach_of(posterior: ObjectivePosterior, space: MixtureSpace, *, seed: int) -> float:
    """Return the largest doubt within reach.

    A fixed one (tried on synthetic problems of 10 and 22 domains), or where the trials are too few
    for that the doubt that 19 of 20 uniformly random mixtures of the space stay below.
    """
    _, doubt_k = posterior.optimistic(sample_uniform(space, N_RANDOM, seed), 0.0)
    return max(REACH, float(np.quantile(doubt_k, 0.95)))


def expected_improvement(draws: Draws, feasible_q: FloatArray) -> float:
    """Return the largest expected gain over the first mixture, the incumbent.

    Args:
        draws: Joint draws, the incumbent first.
        feasible_q: Chance of each mixture to be feasible.
    """
    gain_kq = np.maximum(draws.objective_kq - draws.objective_kq[:, :1], 0.0)
    return float((gain_kq.mean(axis=0) * feasible_q).max())
