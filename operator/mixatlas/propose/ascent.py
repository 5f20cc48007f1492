"""Climbing a criterion over the polytope: a pool of mixtures, then local ascents.

Weights like to be moved in few ways: all of them along the slope, one cell up or down, a whole
concept or task up or down, a little of one cell to another, everything at random. A sweep computes
the first kind at several lengths, and of the others, at one step size, those that a cheap stand-in
puts foremost; it takes the best, and halves the step where none is better. The first kind climbs,
the others find their way around limits that cut a move short, and to and from zero, where the
square root has no slope and a share of nothing is nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mixatlas.contract.mixture import Mixture
from mixatlas.propose.region import Region
from mixatlas.space.grid import Grid
from mixatlas.space.lattice import repair
from mixatlas.space.sampling import sample_uniform
from mixatlas.space.space import MixtureSpace

FloatArray = NDArray[np.float64]


class Criterion(Protocol):
    """What is climbed."""

    def __call__(self, W_kd: FloatArray, /) -> FloatArray:
        """Return the values (k,) of mixtures (k, d)."""
        ...

    def near(self, W_sd: FloatArray, /) -> Callable[[FloatArray], FloatArray]:
        """Return a cheap stand-in around mixtures: it says which moves to look at.

        It takes equally many moves from each mixture, (s k, d), those of the first one first.
        """
        ...


FIRST_STEP = 0.08
LAST_STEP = 0.001
N_SWEEPS = 12
N_LOOKED_AT = 8
"""Moves of a sweep whose criterion is computed, beside those along the slope: the best by its
stand-in."""
N_RANDOM = 16
START_DISTANCE = 0.02
N_PAIRS = 5
LENGTHS_K = np.array([0.5, 1.0, 2.0, 4.0, 8.0, 16.0])
"""Of moves along the slope, as multiples of the step."""
PROBE = 1e-4
"""Weight by which a cell is raised to see its slope."""
MOST_DROPPED = 256
"""Pairs of cells that the pool drops together, those of least weight first."""
AXIS_FACTOR = 5.0
"""A step of h multiplies a whole concept or task by exp(±5 h)."""


def candidate_pool(
    space: MixtureSpace, B_kd: FloatArray, *, n: int, rng: np.random.Generator
) -> FloatArray:
    """Return mixtures to start from, all inside the space.

    A third is uniform over the space; the others surround the given mixtures: Dirichlets of three
    concentrations, and log-normal moves of cells, of whole concepts and of whole tasks. Beside
    them, zeros are enumerated (see `_faces`).

    Args:
        space: Where they lie.
        B_kd: Promising mixtures inside the space, best first; may be none.
        n: About how many.
        rng: Source of the draws.
    """
    region = Region.of(space)
    everywhere = sample_uniform(space, max(n // 3, 16), int(rng.integers(2**53)))
    if not len(B_kd):
        return everywhere
    W_nd = B_kd[np.arange(2 * n // 3) % len(B_kd)]
    concentration = rng.choice([5.0, 15.0, 40.0], size=len(W_nd))[:, None]
    shape_nd = np.maximum(W_nd * space.d * concentration, 2e-2)
    near = rng.standard_gamma(shape_nd)
    cells = rng.normal(size=W_nd.shape) * rng.choice([0.05, 0.2, 0.5], size=len(W_nd))[:, None]
    S_sd = axis_sums(space)
    size = rng.choice([0.2, 0.5], size=len(W_nd))[:, None]
    axes = (rng.normal(size=(len(W_nd), len(S_sd))) * size) @ S_sd
    moved = W_nd * np.exp(cells + np.where(rng.random(len(W_nd))[:, None] < 0.5, axes, 0.0))
    is_near = rng.random(len(W_nd))[:, None] < 0.3
    target = _normalised(np.where(is_near, near, moved))
    middle = region.toward(B_kd[:1], B_kd.mean(axis=0, keepdims=True))
    faces = _faces(region, B_kd[0], S_sd)
    return np.concatenate([B_kd, middle, region.toward(W_nd, target), faces, everywhere])


def _faces(region: Region, w_d: FloatArray, axes_ad: FloatArray) -> FloatArray:
    """Return a mixture without each cell, pair of cells, concept, and task, and the vertices.

    Optima of many domains have many zeros, and an ascent that lowers a cell step by step seldom
    sees that it should go. Where a limit comes first, so much goes as may.
    """
    (cells,) = np.nonzero(w_d)
    i, j = np.triu_indices(len(cells), k=1)
    least = np.argsort(w_d[cells[i]] + w_d[cells[j]], kind="stable")[:MOST_DROPPED]
    eye_dd = np.eye(len(w_d))
    pairs_kd = eye_dd[cells[i[least]]] + eye_dd[cells[j[least]]]
    kept_kd = w_d * (1.0 - np.concatenate([eye_dd[cells], pairs_kd, axes_ad]))
    target_kd = np.concatenate([kept_kd[kept_kd.sum(axis=1) > 0], eye_dd])
    return region.toward(np.broadcast_to(w_d, target_kd.shape), _normalised(target_kd))


def ranked(criterion: Criterion, pool_kd: FloatArray) -> FloatArray:
    """Return the mixtures of a pool, best first."""
    return pool_kd[np.argsort(-criterion(pool_kd), kind="stable")]


def best_first(
    space: MixtureSpace,
    criterion: Criterion,
    pool_kd: FloatArray,
    *,
    n_starts: int,
    rng: np.random.Generator,
) -> Iterator[Mixture]:
    """Yield feasible mixtures, best first: the ends of ascents, then the pool itself.

    Args:
        space: Where they lie; each is repaired exactly on the lattice.
        criterion: What is climbed.
        pool_kd: Starts inside the space, best first.
        n_starts: Ascents, from the first of the pool that are `START_DISTANCE` apart.
        rng: Source of the random moves.
    """
    starts: list[int] = []
    for k, w_d in enumerate(pool_kd):
        distance = np.abs(pool_kd[starts] - w_d).sum(axis=1) / 2
        if (distance >= START_DISTANCE).all():
            starts.append(k)
        if len(starts) == n_starts:
            break
    end_sd, value_s = ascend(space, criterion, pool_kd[starts], rng=rng)
    for s in np.argsort(-value_s, kind="stable"):
        yield repair(space, end_sd[s])
    for w_d in pool_kd:
        yield repair(space, w_d)


def ascend(
    space: MixtureSpace, criterion: Criterion, start_sd: FloatArray, *, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Climb from some mixtures, side by side: one call of the criterion serves all of them.

    Args:
        space: Gives the limits and the grid.
        criterion: What is climbed; called with many mixtures at a time.
        start_sd: Starts inside the space.
        rng: Source of the random moves.

    Returns:
        Where each ascent ended, and the criterion there; never below its start.
    """
    region, axes_ad = Region.of(space), axis_sums(space)
    best_sd, best_s = start_sd.copy(), criterion(start_sd)
    step_s = np.full(len(start_sd), FIRST_STEP)
    for _ in range(N_SWEEPS):
        (climbing,) = np.nonzero(step_s >= LAST_STEP)
        if not len(climbing):
            break
        at_sd = best_sd[climbing]
        moves_skd = _promising(region, criterion.near(at_sd), at_sd, step_s[climbing], axes_ad, rng)
        value_sk = criterion(moves_skd.reshape(-1, space.d)).reshape(moves_skd.shape[:2])
        top_s = value_sk.argmax(axis=1)
        found_s = np.take_along_axis(value_sk, top_s[:, None], axis=1)[:, 0]
        is_better = found_s > best_s[climbing]
        up = climbing[is_better]
        best_sd[up], best_s[up] = moves_skd[is_better, top_s[is_better]], found_s[is_better]
        step_s[climbing[~is_better]] /= 2
    return best_sd, best_s


def _promising(
    region: Region,
    stand_in: Callable[[FloatArray], FloatArray],
    W_sd: FloatArray,
    step_s: FloatArray,
    axes_ad: FloatArray,
    rng: np.random.Generator,
) -> FloatArray:
    """Return the moves of each mixture that are worth computing, (s, k, d)."""

    def inside(target_skd: FloatArray) -> FloatArray:
        from_kd = np.repeat(W_sd, target_skd.shape[1], axis=0)
        return region.toward(from_kd, target_skd.reshape(-1, d)).reshape(target_skd.shape)

    def promised(V_skd: FloatArray) -> FloatArray:
        return stand_in(V_skd.reshape(-1, d)).reshape(V_skd.shape[:2])

    d, single = W_sd.shape[1], _single_moves(W_sd, step_s, axes_ad)
    probes = W_sd[:, None] + PROBE * (np.eye(d) - W_sd[:, None])
    near_skd = inside(np.concatenate([W_sd[:, None], probes, single], axis=1))
    near_sk = promised(near_skd)
    slope_sd = (near_sk[:, 1 : 1 + d] - near_sk[:, :1]) / PROBE
    single_skd, single_sk = near_skd[:, 1 + d :], near_sk[:, 1 + d :]
    joint_skd = inside(_joint_moves(W_sd, step_s, single_sk[:, : 2 * d], rng))
    other_skd = np.concatenate([single_skd, joint_skd], axis=1)
    other_sk = np.concatenate([single_sk, promised(joint_skd)], axis=1)
    best_sk = np.argsort(-other_sk, axis=1, kind="stable")[:, :N_LOOKED_AT]
    best_skd = np.take_along_axis(other_skd, best_sk[:, :, None], axis=1)
    return np.concatenate([inside(_along(W_sd, step_s, slope_sd)), best_skd], axis=1)


def axis_sums(space: MixtureSpace) -> FloatArray:
    """Return which domains belong to each concept and each task, of shape (axes, d)."""
    grid = Grid.of(space.domains)
    return np.concatenate([grid.C_cd, grid.T_td])


def _single_moves(W_sd: FloatArray, step_s: FloatArray, axes_ad: FloatArray) -> FloatArray:
    """Raise and lower each cell, then each concept and task; the rest gives way in proportion."""
    eye_dd, W_s1d, step_s11 = np.eye(W_sd.shape[1]), W_sd[:, None], step_s[:, None, None]
    raised = W_s1d + step_s11 * (eye_dd - W_s1d)
    lowered = np.maximum(W_s1d - step_s11 * eye_dd, 0.0)
    tilted = [W_s1d * np.exp(sign * AXIS_FACTOR * step_s11 * axes_ad) for sign in (1.0, -1.0)]
    return _normalised(np.concatenate([raised, lowered, *tilted], axis=1))


def _along(W_sd: FloatArray, step_s: FloatArray, slope_sd: FloatArray) -> FloatArray:
    """Multiply weights by the exponential of their slopes, at several lengths.

    This is mirror ascent with the entropy as its distance (Beck and Teboulle 2003, section 5): the
    steepest way on the simplex where shares count by how often they double, as they do in logs.
    """
    # No factor moves a cell that is at zero, and its root's slope would dwarf all others.
    slope_sd = np.where(W_sd > 0, slope_sd, 0.0)
    slope_sd /= np.maximum(np.abs(slope_sd).max(axis=1, keepdims=True), 1e-300)
    length_sk1 = AXIS_FACTOR * step_s[:, None, None] * LENGTHS_K[:, None]
    return _normalised(W_sd[:, None] * np.exp(length_sk1 * slope_sd[:, None]))


def _joint_moves(
    W_sd: FloatArray, step_s: FloatArray, value_sk: FloatArray, rng: np.random.Generator
) -> FloatArray:
    """Exchange a little of the cells that single moves speak for and against, and move at random.

    Args:
        W_sd: Where the ascents stand.
        step_s: Their steps.
        value_sk: What raising (first d) and lowering (last d) each cell is worth.
        rng: Source of the random moves.
    """
    d, W_s1d, eye_dd = W_sd.shape[1], W_sd[:, None], np.eye(W_sd.shape[1])
    takers = np.argsort(-value_sk[:, :d])[:, :N_PAIRS]
    givers = np.argsort(-value_sk[:, d:])[:, :N_PAIRS]
    n_pairs = takers.shape[1]
    i, j = np.tile(takers, n_pairs), np.repeat(givers, n_pairs, axis=1)
    amount_sk = np.minimum(step_s[:, None], np.take_along_axis(W_sd, j, axis=1))
    exchanged = W_s1d + amount_sk[:, :, None] * (eye_dd[i] - eye_dd[j])
    normal_skd = rng.normal(size=(len(W_sd), N_RANDOM, d))
    shaken = W_s1d * np.exp(AXIS_FACTOR * step_s[:, None, None] * normal_skd)
    return _normalised(np.concatenate([np.maximum(exchanged, 0.0), shaken], axis=1))


def _normalised(W_kd: FloatArray) -> FloatArray:
    """Scale weights (…, d) to sum 1; those that are all zero become uniform."""
    total_k1 = W_kd.sum(axis=-1, keepdims=True)
    uniform = 1.0 / W_kd.shape[-1]
    return np.where(total_k1 > 0, W_kd / np.where(total_k1 > 0, total_k1, 1.0), uniform)
