"""The affine hull of a space: in which directions one can move at all, and from where.

Weights held fixed and constraints that leave no slack make the polytope flat; a walk must then
stay in the plane that they span.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import null_space
from scipy.optimize import linprog

from mixatlas.contract.errors import InfeasibleSpace
from mixatlas.contract.mixture import PPM
from mixatlas.space.space import FloatArray, MixtureSpace

_MOST_STRETCH = 1e3
_OPEN = 0.5
_MOST_NEWTON_STEPS = 200
_CENTERED = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Hull:
    """A polytope inside its affine hull, in fractions.

    Args:
        center: The analytic centre, shape (d,): the product of all slacks is largest there.
        free: Positions of the `f` domains whose weight is not fixed.
        E_ef: Rows that are constant on the hull, over the free domains; the sum is the first.
        N_dk: Orthonormal directions of the hull; zero at the fixed domains.
        L_kk: Factor of the covariance of directions that the polytope's shape suggests at the
            centre (Dikin's ellipsoid).
        A_rd: Constraints with slack, `A @ w ≤ b`; those without are in `E_ef`.
        b: Their limits, shape (r,).
    """

    center: FloatArray
    free: NDArray[np.intp]
    E_ef: FloatArray
    N_dk: FloatArray
    L_kk: FloatArray
    A_rd: FloatArray
    b: FloatArray


def hull_of(space: MixtureSpace) -> Hull:
    """Find the affine hull of a space and a point well inside it.

    Raises:
        InfeasibleSpace: The space is empty.
    """
    lower, upper = (np.array(side, dtype=np.float64) for side in (space.lower, space.upper))
    free = np.flatnonzero(lower < upper)
    A_rd, b = space.halfspaces()
    fixed = np.where(lower < upper, 0.0, lower)
    # Over the free domains, in ppm: rows of constraints, then both sides of the box.
    eye = np.eye(len(free))
    A = np.vstack([A_rd[:, free], eye, -eye])
    limits = np.concatenate([b * PPM - A_rd @ fixed, upper[free], -lower[free]])
    mass = PPM - fixed.sum()
    inner, is_open = _inner_point(A, limits, mass)
    E = np.vstack([np.ones((1, len(free))), A[~is_open]])
    N = null_space(E) if len(free) else np.zeros((0, 0))
    inner, L_kk = _analytic_center(inner, N, A[is_open], limits[is_open])
    center = fixed / PPM
    center[free] = inner / PPM
    N_dk = np.zeros((space.d, N.shape[1]))
    N_dk[free] = N
    n_rows = len(A_rd)
    return Hull(
        center=center,
        free=free,
        E_ef=E,
        N_dk=N_dk,
        L_kk=L_kk,
        A_rd=A_rd[is_open[:n_rows]],
        b=b[is_open[:n_rows]],
    )


def _inner_point(A: FloatArray, b: FloatArray, mass: float) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Return a point of `A x ≤ b, Σ x = mass`, and which rows are not equalities everywhere.

    One linear program (Freund, Roundy and Todd 1985): in `A x + t ≤ λ b`, Σ x = λ mass,
    0 ≤ t ≤ 1, λ ≥ 1 the largest Σ t is reached with t = 1 in every row that has slack anywhere,
    since λ may stretch any slack to 1. λ is limited, which counts slack under 0.0005 ppm as none.
    At x / λ all rows with slack have it at once.
    """
    m, f = A.shape
    answer = linprog(
        np.concatenate([np.zeros(f), -np.ones(m), [0.0]]),
        A_ub=np.hstack([A, np.eye(m), -b[:, None]]),
        b_ub=np.zeros(m),
        A_eq=np.concatenate([np.ones(f), np.zeros(m), [-mass]])[None, :],
        b_eq=[0.0],
        bounds=[(None, None)] * f + [(0.0, 1.0)] * m + [(1.0, _MOST_STRETCH)],
        method="highs",
    )
    if answer.x is None:
        raise InfeasibleSpace("the space is empty", hint="Build it with `build_space`.")
    x, t, stretch = answer.x[:f], answer.x[f : f + m], answer.x[f + m]
    return np.asarray(x / stretch), np.asarray(t > _OPEN)


def _analytic_center(
    x: FloatArray, N: FloatArray, A: FloatArray, b: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Maximise Σ log(b − A x) from an inner point along the directions N, by damped Newton steps.

    The step 1 / (1 + decrement) never leaves the polytope (Nesterov and Nemirovskii 1994).
    """
    k = N.shape[1]
    if k == 0:
        return x, np.zeros((0, 0))
    slopes = A @ N
    factor: FloatArray = np.eye(k)
    for _ in range(_MOST_NEWTON_STEPS):
        inverse = 1.0 / (b - A @ x)
        gradient = slopes.T @ inverse
        scaled = slopes * inverse[:, None]
        factor = np.asarray(np.linalg.cholesky(scaled.T @ scaled), dtype=np.float64)
        half = np.linalg.solve(factor, gradient)
        decrement = float(np.sqrt(half @ half))
        if decrement < _CENTERED:
            break
        x = x - N @ np.linalg.solve(factor.T, half) / (1.0 + decrement)
    return x, np.asarray(np.linalg.inv(factor.T), dtype=np.float64)
