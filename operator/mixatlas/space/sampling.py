"""Seeded points of a space: uniform, and low-discrepancy where the shape allows it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import null_space
from scipy.optimize import linprog
from scipy.stats import qmc

from mixatlas.contract.errors import InfeasibleSpace
from mixatlas.space.space import FloatArray, MixtureSpace

LEAST_ACCEPTANCE = 1 / 64
"""Share of simplex points inside the space below which rejection gives way to a walk."""
STEPS_A_DIMENSION = 24
"""Hit-and-run steps of each chain, a dimension of the polytope."""
_TOLERANCE = 1e-9


def sample_uniform(space: MixtureSpace, n: int, seed: int) -> FloatArray:
    """Draw points uniformly from the polytope.

    On the simplex above the lower bounds draws are exact (Dirichlet of ones); they are kept
    when the other limits hold. Where those cut off nearly everything, `n` independent
    hit-and-run walks (Smith 1984) run inside the polytope's affine hull.

    Args:
        space: Where to draw.
        n: Number of points.
        seed: Of the draw.

    Returns:
        Shape (n, d); rows sum to 1 and meet all limits up to rounding errors of floats.
    """
    rng = np.random.default_rng(seed)
    lower, _ = space.box()
    free = 1.0 - lower.sum()
    kept: list[FloatArray] = []
    n_kept = n_drawn = 0
    while n_kept < n:
        W = lower + free * rng.dirichlet(np.ones(space.d), size=max(256, 2 * n))
        inside = W[_is_inside(space, W)]
        kept.append(inside)
        n_kept += len(inside)
        n_drawn += len(W)
        if n_kept < LEAST_ACCEPTANCE * n_drawn:
            return _walk(space, n, rng)
    return np.concatenate(kept)[:n]


def sobol_points(space: MixtureSpace, n: int, seed: int) -> FloatArray:
    """Return low-discrepancy points of the polytope.

    Scrambled Sobol points go through exponential spacings (w ∝ −log u), which maps the cube
    onto the simplex with uniform density; those that break a limit are left out. Where the
    limits cut off nearly everything, uniform points are thinned by farthest-point order.

    Args:
        space: Where the points lie.
        n: Number of points.
        seed: Of the scrambling.

    Returns:
        Shape (n, d).
    """
    lower, _ = space.box()
    sobol = qmc.Sobol(space.d, scramble=True, rng=np.random.default_rng(seed))
    kept = np.zeros((0, space.d))
    m = max(8, int(np.ceil(np.log2(max(n, 1)))) + 1)
    for _ in range(6):
        U = np.clip(sobol.random_base2(m), 1e-12, 1.0 - 1e-12)
        E = -np.log(U)
        W = lower + (1.0 - lower.sum()) * E / E.sum(axis=1, keepdims=True)
        kept = np.concatenate([kept, W[_is_inside(space, W)]])
        if len(kept) >= n:
            return np.asarray(kept[:n])
        m = int(np.log2(sobol.num_generated))  # doubles what was drawn: still a balanced net
    return _farthest_first(sample_uniform(space, 8 * n, seed), n)


def _is_inside(space: MixtureSpace, W: FloatArray) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    A, b = space.halfspaces()
    lower, upper = space.box()
    inside = (lower - _TOLERANCE <= W).all(axis=1) & (upper + _TOLERANCE >= W).all(axis=1)
    return np.asarray(inside & (b + _TOLERANCE >= W @ A.T).all(axis=1))


def _farthest_first(W: FloatArray, n: int) -> FloatArray:
    """Order points so that each is farthest (1-norm) from those before it; return n."""
    chosen = [0]
    distance = np.abs(W - W[0]).sum(axis=1)
    while len(chosen) < min(n, len(W)):
        chosen.append(int(distance.argmax()))
        distance = np.minimum(distance, np.abs(W - W[chosen[-1]]).sum(axis=1))
    return W[chosen]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Hull:
    """The polytope in its affine hull.

    Args:
        center: A point inside, shape (d,).
        N_dk: Orthonormal directions of the hull.
        A: Inequalities that do not hold with equality everywhere, `A @ w ≤ b`.
        b: Their limits.
    """

    center: FloatArray
    N_dk: FloatArray
    A: FloatArray
    b: FloatArray


def _walk(space: MixtureSpace, n: int, rng: np.random.Generator) -> FloatArray:
    """Run `n` independent hit-and-run chains from the centre."""
    hull = _hull(space)
    k = hull.N_dk.shape[1]
    W = np.tile(hull.center, (n, 1))
    if k == 0:
        return W
    for _ in range(STEPS_A_DIMENSION * k):
        D = rng.standard_normal((n, k)) @ hull.N_dk.T
        slope = D @ hull.A.T
        room = hull.b - W @ hull.A.T
        with np.errstate(divide="ignore", invalid="ignore"):
            t = room / slope
        low = np.where(slope < -1e-14, t, -np.inf).max(axis=1)
        high = np.where(slope > 1e-14, t, np.inf).min(axis=1)
        low, high = np.minimum(low, 0.0), np.maximum(high, 0.0)
        W = W + (low + (high - low) * rng.random(n))[:, None] * D
    return W


def _hull(space: MixtureSpace) -> _Hull:
    """Find a point inside, and the inequalities that are equalities everywhere."""
    d = space.d
    A_rows, b_rows = space.halfspaces()
    lower, upper = space.box()
    A = np.vstack([A_rows, np.eye(d), -np.eye(d)])
    b = np.concatenate([b_rows, upper, -lower])
    center, slack = _deepest(A, b, d)
    if slack > _TOLERANCE:
        return _Hull(center=center, N_dk=null_space(np.ones((1, d))), A=A, b=b)
    tight = np.array([_most_room(A, b, i, d) <= _TOLERANCE for i in range(len(A))])
    equalities = np.vstack([np.ones((1, d)), A[tight]])
    center, _ = _deepest(A[~tight], b[~tight], d, equal=(equalities, equalities @ center))
    return _Hull(center=center, N_dk=null_space(equalities), A=A[~tight], b=b[~tight])


def _deepest(
    A: FloatArray, b: FloatArray, d: int, equal: tuple[FloatArray, FloatArray] | None = None
) -> tuple[FloatArray, float]:
    """Return the point with the largest least slack, and that slack."""
    E, e = equal if equal is not None else (np.ones((1, d)), np.ones(1))
    answer = linprog(
        np.concatenate([np.zeros(d), [-1.0]]),
        A_ub=np.hstack([A, np.ones((len(A), 1))]),
        b_ub=b,
        A_eq=np.hstack([E, np.zeros((len(E), 1))]),
        b_eq=e,
        bounds=[(None, None)] * d + [(0.0, 1.0)],
        method="highs",
    )
    if answer.status != 0:
        raise InfeasibleSpace("the space is empty", hint="Build it with `build_space`.")
    return np.asarray(answer.x[:d]), float(answer.x[d])


def _most_room(A: FloatArray, b: FloatArray, row: int, d: int) -> float:
    """Return the largest slack that a point of the polytope has in one inequality."""
    answer = linprog(
        A[row],
        A_ub=A,
        b_ub=b,
        A_eq=np.ones((1, d)),
        b_eq=[1.0],
        bounds=(None, None),
        method="highs",
    )
    return float(b[row] - answer.fun) if answer.status == 0 else 0.0
