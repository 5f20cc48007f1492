"""The space in floats: how far a move may go before it leaves the polytope.

Ascents work on real weights and stay inside by construction: a move starts at a point inside and
is cut where it meets the first limit. Only what is finally proposed goes to the integer lattice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from mixatlas.space.space import MixtureSpace

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Region:
    """Inequalities `A_rd @ w ≤ b_r` with the bounds among them; the sum is kept by the moves."""

    A_rd: FloatArray
    b_r: FloatArray

    @classmethod
    def of(cls, space: MixtureSpace) -> Self:
        """Read the inequalities of a space."""
        A, b = space.halfspaces()
        lower, upper = space.box()
        eye = np.eye(space.d)
        return cls(A_rd=np.vstack([A, eye, -eye]), b_r=np.concatenate([b, upper, -lower]))

    def toward(self, W_kd: FloatArray, V_kd: FloatArray) -> FloatArray:
        """Go from points inside toward targets, as far as the region reaches.

        Args:
            W_kd: Points inside.
            V_kd: Targets whose weights sum to 1; they may lie outside.

        Returns:
            The targets, or where a limit comes first the point on it, of shape (k, d).
        """
        D_kd = V_kd - W_kd
        slope_kr = D_kd @ self.A_rd.T
        room_kr = np.maximum(self.b_r - W_kd @ self.A_rd.T, 0.0)
        blocks_kr = slope_kr > 1e-15
        reach_kr = np.where(blocks_kr, room_kr / np.where(blocks_kr, slope_kr, 1.0), np.inf)
        step_k1 = np.minimum(reach_kr.min(axis=1, keepdims=True), 1.0)
        return np.asarray(np.clip(W_kd + step_k1 * D_kd, 0.0, None))
