"""What a mixture is worth trying for: an optimistic objective, times the chance that it counts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mixatlas.surrogate.posterior import Draws, ObjectivePosterior

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class UpperConfidenceBound:
    """`floor + P(feasible) · (optimistic objective - floor)`.

    Optimistic means √beta posterior sds better, with beta as in BoTorch. The floor is the least
    posterior mean among tried mixtures, so that a mixture that is surely infeasible is worth as
    little as the worst one seen.
    """

    posterior: ObjectivePosterior
    beta: float
    floor: float

    def __call__(self, W_kd: FloatArray) -> FloatArray:
        """Return the criterion (k,) of mixtures."""
        above_k = self.posterior.optimistic(W_kd, float(np.sqrt(self.beta))) - self.floor
        return np.asarray(self.floor + self.posterior.probability_feasible(W_kd) * above_k)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FeasibleMean:
    """`floor + P(feasible) · (mean objective - floor)`: what a nomination climbs."""

    posterior: ObjectivePosterior
    floor: float

    def __call__(self, W_kd: FloatArray) -> FloatArray:
        """Return the criterion (k,) of mixtures."""
        mean_k, _ = self.posterior.moments(W_kd)
        chance_k = self.posterior.probability_feasible(W_kd)
        return np.asarray(self.floor + chance_k * (mean_k - self.floor))


def expected_improvement(draws: Draws, feasible_q: FloatArray) -> float:
    """Return the largest expected gain over the first mixture, the incumbent.

    Args:
        draws: Joint draws, the incumbent first.
        feasible_q: Chance of each mixture to be feasible.
    """
    gain_kq = np.maximum(draws.objective_kq - draws.objective_kq[:, :1], 0.0)
    return float((gain_kq.mean(axis=0) * feasible_q).max())
