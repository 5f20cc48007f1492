"""Climbing a criterion over the polytope: a pool of mixtures, then local ascents.

Weights like to be moved in few ways: one cell up or down, a whole concept or task up or down, a
little of one cell to another, everything at random. A sweep ranks them all at one step size by a
cheap stand-in, computes the foremost, takes the best, and halves the step where none is better. No
gradient is needed, so cells that are at zero (where the square root has none) and limits that cut a
move short are nothing special.
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

    def near(self, w_d: FloatArray, /) -> Callable[[FloatArray], FloatArray]:
        """Return a cheap stand-in around one mixture: it says which moves to look at."""
        ...


FIRST_STEP = 0.08
LAST_STEP = 0.001
N_SWEEPS = 24
N_LOOKED_AT = 12
"""Moves of a sweep whose criterion is computed: the best by its stand-in."""
N_RANDOM = 16
START_DISTANCE = 0.02
N_PAIRS = 5
JOINT_FACTORS = (0.25, 0.5, 1.0, 2.0)
N_JOINT = len(JOINT_FACTORS)
AXIS_FACTOR = 5.0
"""A step of h multiplies a whole concept or task by exp(±5 h)."""


def candidate_pool(
    space: MixtureSpace, B_kd: FloatArray, *, n: int, rng: np.random.Generator
) -> FloatArray:
    """Return mixtures to start from, all inside the space.

    A third is uniform over the space; the others surround the given mixtures: Dirichlets of three
    concentrations, and log-normal moves of cells, of whole concepts and of whole tasks.

    Args:
        space: Where they lie.
        B_kd: Promising mixtures inside the space; may be none.
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
    return np.concatenate([B_kd, middle, region.toward(W_nd, target), everywhere])


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
    ends = [ascend(space, criterion, pool_kd[k], rng=rng) for k in starts]
    for end_d, _ in sorted(ends, key=lambda end: -end[1]):
        yield repair(space, end_d)
    for w_d in pool_kd:
        yield repair(space, w_d)


def ascend(
    space: MixtureSpace, criterion: Criterion, start_d: FloatArray, *, rng: np.random.Generator
) -> tuple[FloatArray, float]:
    """Climb from one mixture.

    Args:
        space: Gives the limits and the grid.
        criterion: What is climbed; called with many mixtures at a time.
        start_d: A start inside the space.
        rng: Source of the random moves.

    Returns:
        Where the ascent ended, and the criterion there; never below its start.
    """
    region, axes = Region.of(space), axis_sums(space)
    best_d, best = start_d, float(criterion(start_d[None, :])[0])
    step = FIRST_STEP
    for _ in range(N_SWEEPS):
        if step < LAST_STEP:
            break
        stand_in = criterion.near(best_d)
        V_kd = region.toward(
            np.broadcast_to(best_d, (2 * space.d + 2 * len(axes), space.d)),
            _single_moves(best_d, step, axes),
        )
        here = float(stand_in(best_d[None, :])[0])
        gain_k = stand_in(V_kd) - here
        U_kd = region.toward(
            np.broadcast_to(best_d, (N_RANDOM + N_JOINT + N_PAIRS**2, space.d)),
            _joint_moves(best_d, step, gain_k[: 2 * space.d], V_kd[: 2 * space.d], rng),
        )
        all_kd = np.concatenate([V_kd, U_kd])
        promised_k = np.concatenate([gain_k, stand_in(U_kd) - here])
        all_kd = all_kd[np.argsort(-promised_k, kind="stable")[:N_LOOKED_AT]]
        all_k = criterion(all_kd)
        top = int(all_k.argmax())
        if all_k[top] > best:
            best_d, best = all_kd[top], float(all_k[top])
        else:
            step /= 2
    return best_d, best


def axis_sums(space: MixtureSpace) -> FloatArray:
    """Return which domains belong to each concept and each task, of shape (axes, d)."""
    grid = Grid.of(space.domains)
    return np.concatenate([grid.C_cd, grid.T_td])


def _single_moves(w_d: FloatArray, step: float, axes: FloatArray) -> FloatArray:
    """Raise and lower each cell, then each concept and task; the rest gives way in proportion."""
    eye = np.eye(len(w_d))
    raised = w_d + step * (eye - w_d)
    lowered = _normalised(np.maximum(w_d - step * eye, 0.0))
    tilted = [_normalised(w_d * np.exp(sign * AXIS_FACTOR * step * axes)) for sign in (1.0, -1.0)]
    return np.concatenate([raised, lowered, *tilted])


def _joint_moves(
    w_d: FloatArray,
    step: float,
    gain_k: FloatArray,
    V_kd: FloatArray,
    rng: np.random.Generator,
) -> FloatArray:
    """Combine what single cells taught: all good moves at once, exchanges, and random moves.

    Args:
        w_d: Where the ascent stands.
        step: Its step.
        gain_k: What raising (first d) and lowering (last d) each cell gained.
        V_kd: Where those moves led.
        rng: Source of the random moves.
    """
    d = len(w_d)
    good_k = np.maximum(gain_k, 0.0)
    uphill_d = (good_k[:, None] * (V_kd - w_d)).sum(axis=0) / max(good_k.max(initial=0.0), 1e-300)
    together = w_d + np.array(JOINT_FACTORS)[:, None] * uphill_d
    takers, givers = np.argsort(-gain_k[:d])[:N_PAIRS], np.argsort(-gain_k[d:])[:N_PAIRS]
    i, j = (
        np.tile(np.resize(takers, N_PAIRS), N_PAIRS),
        np.repeat(np.resize(givers, N_PAIRS), N_PAIRS),
    )
    amount_k = np.minimum(step, w_d[j])[:, None]
    exchanged = w_d + amount_k * (np.eye(d)[i] - np.eye(d)[j])
    factors = np.exp(AXIS_FACTOR * step * rng.normal(size=(N_RANDOM, d)))
    moved = [np.clip(together, 0.0, None), exchanged, w_d * factors]
    return _normalised(np.concatenate(moved))


def _normalised(W_kd: FloatArray) -> FloatArray:
    """Scale rows to sum 1; one that is all zero becomes uniform."""
    total_k1 = W_kd.sum(axis=1, keepdims=True)
    uniform = 1.0 / W_kd.shape[1]
    return np.where(total_k1 > 0, W_kd / np.where(total_k1 > 0, total_k1, 1.0), uniform)
