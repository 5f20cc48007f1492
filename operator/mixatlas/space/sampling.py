"""Seeded points of a space: uniformly random, and evenly spread."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist
from scipy.stats import qmc

from mixatlas.space.hull import hull_of
from mixatlas.space.space import FloatArray, MixtureSpace
from mixatlas.space.walk import walk

LEAST_ACCEPTANCE = 1 / 64
"""Share of simplex points inside the space below which rejection gives way to a walk."""
_MOST_SOBOL = 15
"""Sobol points drawn at most, as a power of two."""
_LEAST_POOL = 512
_REFERENCES = 1024
_TOLERANCE = 1e-9


def sample_uniform(space: MixtureSpace, n: int, seed: int) -> FloatArray:
    """Draw points uniformly from the polytope.

    On the simplex above the lower bounds draws are exact (Dirichlet of ones); they are kept
    when the other limits hold. Where those cut off nearly everything, chains walk inside the
    polytope's affine hull (`walk.py`).

    Args:
        space: Where to draw. Weights may be fixed and constraints may be equalities.
        n: Number of points.
        seed: Of the draw.

    Returns:
        Shape (n, d); rows sum to 1 and meet all limits up to rounding errors of floats (1e-9).

    Cost:
        1,000 points of 22 domains take milliseconds, or some tenths of a second by the walk.
    """
    rng = np.random.default_rng(seed)
    lower, upper = space.box()
    free = lower < upper
    kept: list[FloatArray] = []
    n_kept = n_drawn = 0
    while n_kept < n:
        E = rng.standard_exponential((max(256, 2 * n), int(free.sum())))
        W = _onto_simplex(E, lower, free)
        inside = W[_are_inside(space, W)]
        kept.append(inside)
        n_kept += len(inside)
        n_drawn += len(W)
        if n_kept < min(n, LEAST_ACCEPTANCE * n_drawn):
            return walk(hull_of(space), n, lower=lower, upper=upper, rng=rng)
    return np.concatenate(kept)[:n] if kept else np.zeros((0, space.d))


def sobol_points(space: MixtureSpace, n: int, seed: int, skip: int = 0) -> FloatArray:
    """Return evenly spread points of the polytope, the same sequence for any `n`.

    Scrambled Sobol points go through exponential spacings (w ∝ −log u), which maps the cube
    onto the simplex above the lower bounds with uniform density; those that break a limit are
    left out. Where the limits cut off nearly everything, points are picked from a pool of
    uniform ones, each so that all picked so far resemble the pool most in energy distance
    (greedy support points, after Mak and Joseph 2018).

    Args:
        space: Where the points lie.
        n: Number of points.
        seed: Of the scrambling, or of the pool.
        skip: Points of the sequence to leave out at its start. The pool of the second way
            grows in powers of two with skip + n, and the sequence changes when it does.

    Returns:
        Shape (n, d).
    """
    wanted = n + skip
    kept = _sobol_inside(space, wanted, seed)
    if len(kept) < wanted:
        size = max(_LEAST_POOL, 1 << (4 * wanted - 1).bit_length())
        kept = _support_points(sample_uniform(space, size, seed), wanted)
    return kept[skip:wanted]


def _sobol_inside(space: MixtureSpace, wanted: int, seed: int) -> FloatArray:
    """Return the first Sobol points inside the space; fewer when they are too rare."""
    lower, upper = space.box()
    free = lower < upper
    kept = np.zeros((0, space.d))
    if free.sum() < 2:
        return kept
    sobol = qmc.Sobol(int(free.sum()), scramble=True, rng=np.random.default_rng(seed))
    m = min(_MOST_SOBOL - 1, max(8, wanted.bit_length()))
    while len(kept) < wanted and m < _MOST_SOBOL:
        U = sobol.random_base2(m)
        W = _onto_simplex(-np.log1p(-U), lower, free)
        kept = np.concatenate([kept, W[_are_inside(space, W)]])
        if len(kept) < LEAST_ACCEPTANCE * sobol.num_generated:
            break
        # The next draw doubles what there is: the whole stays a balanced net.
        m = sobol.num_generated.bit_length() - 1
    return kept


def _onto_simplex(E: FloatArray, lower: FloatArray, free: NDArray[np.bool_]) -> FloatArray:
    """Share out, by exponential variates, what the lower bounds leave to the free domains."""
    W = np.tile(lower, (len(E), 1))
    rest = 1.0 - lower.sum()
    if E.shape[1]:
        W[:, free] += rest * E / np.maximum(E.sum(axis=1, keepdims=True), 1e-300)
    return W


def _are_inside(space: MixtureSpace, W: FloatArray) -> NDArray[np.bool_]:
    A, b = space.halfspaces()
    lower, upper = space.box()
    inside = (lower - _TOLERANCE <= W).all(axis=1) & (upper + _TOLERANCE >= W).all(axis=1)
    inside &= (b + _TOLERANCE >= W @ A.T).all(axis=1)
    return np.asarray(inside & (np.abs(W.sum(axis=1) - 1.0) <= _TOLERANCE))


def _support_points(pool: FloatArray, n: int) -> FloatArray:
    """Pick `n` of a pool one by one, least mean distance to it minus that to those picked."""
    reference = pool[:_REFERENCES]
    to_pool = cdist(pool, reference).mean(axis=1)
    to_picked = np.zeros(len(pool))
    picked: list[int] = []
    for _ in range(min(n, len(pool))):
        score = to_pool - to_picked / (len(picked) + 1)
        score[picked] = np.inf
        picked.append(int(score.argmin()))
        to_picked += np.linalg.norm(pool - pool[picked[-1]], axis=1)
    return pool[picked]
