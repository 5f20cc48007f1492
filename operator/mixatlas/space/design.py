"""The initial design, and quasi-random points (contract: "Rounds")."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from mixatlas.contract.errors import SpaceExhausted
from mixatlas.contract.mixture import Mixture
from mixatlas.contract.trial import Purpose
from mixatlas.space.crowd import LEAST_DISTANCE, Crowd, is_apart, is_sparse
from mixatlas.space.entropic import scale_into
from mixatlas.space.grid import Grid
from mixatlas.space.lattice import repair
from mixatlas.space.sampling import sample_uniform, sobol_points
from mixatlas.space.space import FloatArray, MixtureSpace

__all__ = [
    "LEAST_DISTANCE",
    "DesignPoint",
    "Method",
    "fill",
    "initial_design",
    "is_apart",
    "quasi_random",
]

Method = Literal["Bayesian", "Sobol", "Random"]
_Draw = Callable[[np.random.Generator], FloatArray]

TASK_TILT, CONCEPT_TILT = 1.0, 0.7
"""Standard deviations of the log-normal factors of whole tasks and whole concepts (tried on
the demo: whole-axis tilts teach the surrogate the sums that it has as features)."""
CONCENTRATIONS = (3.0, 1.0)
"""Of the Dirichlets, times the number of domains."""
LEAST_OF_A_KIND = 4
"""Tilts, and Dirichlets, in a design of 10; a larger one has a third of each."""
SPARSE_SHARE = 5
"""Sparse points are at most one in this many."""
SPARSE_FROM = 16
"""Design size from which there may be sparse points at all: they would rule a small one."""
_TRIES = 64
"""Draws for one place in the design before it is left to a Sobol point."""
_LAST_DRAWS = 1024
"""Uniform draws after which a space counts as full."""
_LEAST_SHAPE = 1e-3
"""Of a Dirichlet's parameters: a natural share of zero parts would have none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DesignPoint:
    """One mixture of the design, with its purpose and why it is there."""

    mixture: Mixture
    purpose: Purpose
    why: str


def initial_design(
    space: MixtureSpace,
    *,
    baselines: Mapping[str, Mixture],
    n: int,
    seed: int,
    method: Method = "Bayesian",
) -> tuple[DesignPoint, ...]:
    """Choose the mixtures of round 1.

    Baselines come first, even those that break a constraint. Under `Bayesian` follow tilts of
    whole concepts and tasks around natural and uniform, Dirichlets around both, then Sobol
    points; under the other methods Sobol or uniform points only. Under `Bayesian` sparse points
    are at most a fifth, and none below 16, unless the space holds no others.

    Args:
        space: Where all but the baselines lie.
        baselines: By name; equal ones are trained once. All are kept, also where `n` is smaller.
        n: Size of the design, baselines included.
        seed: Of all draws.
        method: `spec.search.method`.

    Returns:
        `n` points, those that are no baselines at least `LEAST_DISTANCE` from all others. Fewer
        only when the space has no room for more, which is no error: the search trains what
        there is.

    Raises:
        ValueError: A baseline is over other domains.
    """
    points = _baseline_points(space, baselines)
    if method == "Bayesian":
        points += _shaped_points(space, points, n=n, seed=seed)
    taken = [point.mixture for point in points]
    is_sobol = method != "Random"
    fill = quasi_random(space, n - len(points), taken=taken, seed=seed, is_sobol=is_sobol)
    why = "Sobol point" if is_sobol else "uniformly random"
    points += [_initial(mixture, why) for mixture in fill]
    return tuple(points)


def quasi_random(
    space: MixtureSpace,
    n: int,
    *,
    taken: Sequence[Mixture],
    seed: int,
    is_sobol: bool = True,
) -> tuple[Mixture, ...]:
    """Return evenly spread mixtures apart from those taken.

    With the same seed, and earlier answers among `taken`, the sequence is continued.

    Args:
        space: Where they lie.
        n: How many are wanted; none for 0 and less.
        taken: Mixtures to keep `LEAST_DISTANCE` away from, in the space or not.
        seed: Of the draw; another seed gives other points.
        is_sobol: Sobol points, else uniformly random ones.

    Returns:
        Up to `n` mixtures, each at least `LEAST_DISTANCE` from the others; fewer when 1,024
        uniform draws found no more.
    """
    crowd = Crowd(taken)
    return _spread(space, n, crowd=crowd, admits=crowd.admits, seed=seed, is_sobol=is_sobol)


def fill(
    space: MixtureSpace,
    n: int,
    *,
    taken: Sequence[Mixture],
    seed: int,
    is_sobol: bool = True,
) -> tuple[Mixture, ...]:
    """Return exactly `n` evenly spread mixtures apart from those taken (see `quasi_random`).

    Raises:
        SpaceExhausted: Fewer remain.
    """
    found = quasi_random(space, n, taken=taken, seed=seed, is_sobol=is_sobol)
    if len(found) < n:
        raise SpaceExhausted(
            f"only {len(found)} of {n} further mixtures lie {LEAST_DISTANCE} apart",
            hint="Widen the limits, or ask for fewer.",
        )
    return found


def _spread(
    space: MixtureSpace,
    n: int,
    *,
    crowd: Crowd,
    admits: Callable[[Mixture], bool],
    seed: int,
    is_sobol: bool = True,
) -> tuple[Mixture, ...]:
    """Walk along a sequence and add to the crowd what `admits` lets pass, until there are n."""
    chosen: list[Mixture] = []
    if n <= 0:
        return ()
    draw = sobol_points if is_sobol else sample_uniform
    # The crowd counts, so that a sequence begun under the same seed is walked past what it gave.
    sequences: tuple[Callable[[], FloatArray], ...] = (
        lambda: draw(space, len(crowd) + 2 * n + 64, seed),
        lambda: sample_uniform(space, _LAST_DRAWS, seed),
    )
    for sequence in sequences:
        for weights in sequence():
            mixture = repair(space, weights)
            if admits(mixture):
                crowd.add(mixture)
                chosen.append(mixture)
            if len(chosen) == n:
                return tuple(chosen)
    return tuple(chosen)


def _initial(mixture: Mixture, why: str) -> DesignPoint:
    return DesignPoint(mixture=mixture, purpose=Purpose.INITIAL, why=why)


def _baseline_points(space: MixtureSpace, baselines: Mapping[str, Mixture]) -> list[DesignPoint]:
    names: dict[Mixture, list[str]] = {}
    for name, mixture in baselines.items():
        if mixture.domains != space.domains:
            raise ValueError(f"baseline {name} is over other domains than the space")
        names.setdefault(mixture, []).append(name)
    return [
        DesignPoint(mixture=m, purpose=Purpose.BASELINE, why=f"baseline {', '.join(named)}")
        for m, named in names.items()
    ]


def _shaped_points(
    space: MixtureSpace, baselines: Sequence[DesignPoint], *, n: int, seed: int
) -> list[DesignPoint]:
    """Return tilts, Dirichlets and Sobol points, under the rule on sparse points."""
    rng = np.random.default_rng(seed)
    crowd = Crowd(point.mixture for point in baselines)
    n_sparse = n // SPARSE_SHARE if n >= SPARSE_FROM else 0
    points: list[DesignPoint] = []

    def admits(mixture: Mixture) -> bool:
        nonlocal n_sparse
        if not crowd.admits(mixture):
            return False
        if is_sparse(space, mixture):
            n_sparse -= 1
            return n_sparse >= 0
        return True

    room = n - len(baselines)
    for why, draw in _recipe(space, room):
        tries = (repair(space, scale_into(space, draw(rng))) for _ in range(_TRIES))
        mixture = next((found for found in tries if admits(found)), None)
        if mixture is not None:
            crowd.add(mixture)
            points.append(_initial(mixture, why))
    sobol = _spread(space, room - len(points), crowd=crowd, seed=seed, admits=admits)
    return points + [_initial(mixture, "Sobol point") for mixture in sobol]


def _recipe(space: MixtureSpace, room: int) -> Iterator[tuple[str, _Draw]]:
    """Yield the draws of a design: tilts, then Dirichlets, each by turns around both centres."""
    centers = (
        ("uniform", np.array(space.uniform.fractions)),
        ("natural", np.array(space.natural.fractions)),
    )
    grid = Grid.of(space.domains)
    n_tilts = min((room + 1) // 2, max(LEAST_OF_A_KIND, room // 3))
    n_dirichlets = min(room - n_tilts, max(LEAST_OF_A_KIND, room // 3))
    what = "single domains" if grid.is_empty else "whole concepts and tasks"
    for i in range(n_tilts):
        name, center = centers[i % 2]
        yield f"{what} tilted around {name}", _tilt(center, grid)
    for i in range(n_dirichlets):
        name, center = centers[i % 2]
        concentration = CONCENTRATIONS[i // 2 % len(CONCENTRATIONS)]
        why = f"Dirichlet of concentration {concentration:g} around {name}"
        yield why, _dirichlet(center, concentration)


def _tilt(center: FloatArray, grid: Grid) -> _Draw:
    """Multiply whole tasks and whole concepts by log-normal factors; domains without a grid."""

    def draw(rng: np.random.Generator) -> FloatArray:
        if grid.is_empty:
            logs = rng.normal(0.0, TASK_TILT, len(center))
        else:
            logs = rng.normal(0.0, TASK_TILT, len(grid.tasks)) @ grid.T_td
            logs = logs + rng.normal(0.0, CONCEPT_TILT, len(grid.concepts)) @ grid.C_cd
        tilted = center * np.exp(logs)
        return np.asarray(tilted / tilted.sum())

    return draw


def _dirichlet(center: FloatArray, concentration: float) -> _Draw:
    shape = np.maximum(center * len(center) * concentration, _LEAST_SHAPE)
    return lambda rng: rng.dirichlet(shape)
