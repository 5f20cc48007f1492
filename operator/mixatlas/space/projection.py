"""The Euclidean projection onto a polytope on the simplex, in floats."""

from __future__ import annotations

import numpy as np
from scipy.optimize import nnls

from mixatlas.space.space import FloatArray, IntArray

_TOLERANCE = 1e-9


def project(
    x: FloatArray,
    *,
    lower: IntArray,
    upper: IntArray,
    A_rd: FloatArray,
    b: FloatArray,
    total: int,
) -> FloatArray | None:
    """Return the point of `{lower ≤ z ≤ upper, Σ z = total, A z ≤ b}` nearest to `x`.

    Args:
        x: Shape (d,), in the unit of the limits.
        lower: Shape (d,); its sum is at most `total`.
        upper: Shape (d,); its sum is at least `total`.
        A_rd: Rows of size about 1.
        b: Shape (r,).
        total: What the coordinates sum to.

    Returns:
        Shape (d,), within the box and up to about 1e-9 · total from the other limits; None
        where the limits look contradictory.
    """
    real = _onto_box(x, lower, upper, total)
    if not len(b) or bool((A_rd @ real <= b + _TOLERANCE * total).all()):
        # What is nearest in the box and meets the rows is nearest in the polytope.
        return real
    free = lower < upper
    if not free.any():
        return None
    fixed = np.where(free, 0, lower)
    inner = _onto_polytope(
        x[free] / total,
        lower=lower[free] / total,
        upper=upper[free] / total,
        A=A_rd[:, free],
        b=(b - A_rd @ fixed) / total,
        mass=1.0 - fixed.sum() / total,
    )
    if inner is None:
        return None
    real = lower.astype(np.float64)
    real[free] = np.clip(inner * total, lower[free], upper[free])
    return real


def _onto_box(x: FloatArray, lower: IntArray, upper: IntArray, total: int) -> FloatArray:
    """Shift all coordinates alike and clip them, so that they sum to `total`.

    The sum is piecewise linear in the shift, with corners where a coordinate meets a bound.
    """
    corners = np.sort(np.concatenate([lower - x, upper - x]))
    sums = np.clip(x + corners[:, None], lower, upper).sum(axis=1)
    shift = np.interp(total, sums, corners)
    clipped: FloatArray = np.clip(x + shift, lower, upper)
    return clipped


def _onto_polytope(
    x: FloatArray,
    *,
    lower: FloatArray,
    upper: FloatArray,
    A: FloatArray,
    b: FloatArray,
    mass: float,
) -> FloatArray | None:
    """Solve a least-distance problem by non-negative least squares.

    Lawson and Hanson, Solving Least Squares Problems (1974), chapter 23: the shortest y with
    G y ≥ h is -r[:n] / r[n], where r is the residual of the non-negative u that minimises
    |[Gᵀ; hᵀ] u − (0, …, 0, 1)|; r = 0 says that no y exists. Rows of G are drawn into the
    plane Σ y = 0, so that y, a combination of them, lies there by itself.
    """
    d = len(x)
    x = x + (mass - x.sum()) / d
    G = np.vstack([np.eye(d), -np.eye(d), -A])
    h = np.concatenate([lower - x, x - upper, A @ x - b])
    G = G - G.mean(axis=1, keepdims=True)
    # A row that is constant on the plane binds nothing, and rounding errors in its limit would
    # look like a contradiction.
    bind = np.linalg.norm(G, axis=1) > _TOLERANCE
    G, h = G[bind], h[bind]
    if not len(
        h
    ):  # one free domain: the sum decides. (`nnls` ends the process on an empty matrix.)
        return x
    target = np.zeros(d + 1)
    target[d] = 1.0
    E = np.vstack([G.T, h])
    try:
        u, _ = nnls(E, target, maxiter=20 * len(h))
    except RuntimeError:  # no convergence: the caller has an exact way
        return None
    residual = E @ u - target
    if residual[d] > -_TOLERANCE:
        return None
    return np.asarray(x - residual[:d] / residual[d])
