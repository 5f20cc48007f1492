"""How likely a mixture is allowed: no benchmark drops too far, and training does not diverge."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from mixatlas.contract.mixture import Mixture

FloatArray = NDArray[np.float64]

LARGEST_RADIUS = 0.1
LEAST_RADIUS = 0.02


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MaxDrop:
    """Do no harm: a benchmark's score at least another mixture's, less a margin.

    Args:
        benchmark: Name of the benchmark.
        max_drop: Margin in the score's own unit, not negative.
        relative_to: The other mixture.
    """

    benchmark: str
    max_drop: float
    relative_to: Mixture


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Divergence:
    """Where training diverged: an infeasible spot, never a low score.

    The chance that a mixture trains well is the product over diverged trials of
    1 - exp(-½ (distance / radius)²), distances in total variation: zero on the spot, and nearly 1
    two to three radii away. A radius is half the distance to the nearest trial that trained well,
    held within 0.02 and 0.1: what is known to train stays allowed (86 % at least, or more where a
    good trial is far), and one divergence closes no region.

    Args:
        W_kd: Weights of the diverged trials.
        radius_k: Their radii.
    """

    W_kd: FloatArray
    radius_k: FloatArray

    @classmethod
    def seen(cls, W_kd: FloatArray, W_nd: FloatArray) -> Divergence:
        """Place the radii, given the diverged and the finished mixtures."""
        if len(W_kd) and len(W_nd):
            nearest_k = _total_variation(W_kd, W_nd).min(axis=1)
        else:
            nearest_k = np.full(len(W_kd), np.inf)
        return cls(W_kd=W_kd, radius_k=np.clip(nearest_k / 2, LEAST_RADIUS, LARGEST_RADIUS))

    def probability_ok(self, W_qd: FloatArray) -> FloatArray:
        """Return the chance (q,) that each mixture trains without diverging."""
        if not len(self.W_kd):
            return np.ones(len(W_qd))
        near_qk = _total_variation(W_qd, self.W_kd) / self.radius_k
        return np.asarray((-np.expm1(-0.5 * near_qk**2)).prod(axis=1))


def _total_variation(A_qd: FloatArray, B_kd: FloatArray) -> FloatArray:
    return np.asarray(cdist(A_qd, B_kd, metric="cityblock") / 2)
