"""The initial design, and quasi-random points (contract: "Rounds")."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from mixatlas.contract.errors import InfeasibleSpace
from mixatlas.contract.mixture import Mixture
from mixatlas.contract.trial import Purpose
from mixatlas.space.grid import Grid
from mixatlas.space.lattice import repair
from mixatlas.space.sampling import sample_uniform, sobol_points
from mixatlas.space.space import FloatArray, MixtureSpace

Method = Literal["Bayesian", "Sobol", "Random"]

LEAST_DISTANCE = 0.005
"""Total variation between any two points, unless one is meant as a replicate."""
TASK_TILT, CONCEPT_TILT = 1.0, 0.7
"""Standard deviations of the log-normal factors of whole tasks and whole concepts (tried on
the demo: whole-axis tilts teach the surrogate the sums that it has as features)."""
SPARSE_SHARE = 5
"""Sparse points (concentration 1) are at most one in this many."""
SPARSE_FROM = 16
"""Design size from which there are sparse points at all: they would rule a small one."""
TRIES = 64


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
    points; under the other methods Sobol or uniform points only.

    Args:
        space: Where all but the baselines lie.
        baselines: By name; equal ones are trained once.
        n: Size of the design, baselines included.
        seed: Of all draws.
        method: `spec.search.method`.

    Returns:
        At most `n` points, at least `LEAST_DISTANCE` apart; fewer in a space too small for more.
    """
    points: list[DesignPoint] = []
    for name, mixture in baselines.items():
        if all(mixture != point.mixture for point in points):
            points.append(
                DesignPoint(mixture=mixture, purpose=Purpose.BASELINE, why=f"baseline {name}")
            )
    rng = np.random.default_rng(seed)
    recipe = _recipe(space, n, rng) if method == "Bayesian" else iter(())
    for why, draw in recipe:
        if len(points) >= n:
            break
        mixture = _first_apart(space, draw, [point.mixture for point in points])
        if mixture is not None:
            points.append(DesignPoint(mixture=mixture, purpose=Purpose.INITIAL, why=why))
    taken = [point.mixture for point in points]
    rest = max(0, n - len(points))
    fill = quasi_random(space, rest, taken=taken, seed=seed, is_sobol=method != "Random")
    word = "uniformly random" if method == "Random" else "Sobol point"
    points += [DesignPoint(mixture=m, purpose=Purpose.INITIAL, why=word) for m in fill]
    return tuple(points[: max(n, len(baselines))])


def quasi_random(
    space: MixtureSpace,
    n: int,
    *,
    taken: Sequence[Mixture],
    seed: int,
    is_sobol: bool = True,
) -> tuple[Mixture, ...]:
    """Return space-filling mixtures apart from those taken.

    Args:
        space: Where they lie.
        n: How many are wanted.
        taken: Mixtures to keep `LEAST_DISTANCE` away from.
        seed: Of the draw; another seed gives other points.
        is_sobol: Sobol points, else uniform ones.

    Returns:
        Up to `n` mixtures; fewer when no more were found.
    """
    chosen: list[Mixture] = []
    if n <= 0:
        return ()
    draw = sobol_points if is_sobol else sample_uniform
    for attempt in range(3):
        for weights in draw(space, 4 * (n + attempt * n) + 16, seed + attempt):
            mixture = repair(space, weights)
            if is_apart(mixture, [*taken, *chosen]):
                chosen.append(mixture)
            if len(chosen) == n:
                return tuple(chosen)
    return tuple(chosen)


def is_apart(mixture: Mixture, others: Sequence[Mixture], least: float = LEAST_DISTANCE) -> bool:
    """Tell whether a mixture keeps its distance from all others."""
    return all(mixture.distance(other) >= least for other in others)


Draw = Callable[[], FloatArray]


def _recipe(space: MixtureSpace, n: int, rng: np.random.Generator) -> Iterator[tuple[str, Draw]]:
    """Yield the design's draws: four tilts, then Dirichlets from dense to sparse, by turns."""
    grid = Grid.of(space.domains)
    centers = (
        ("uniform", np.full(space.d, 1.0 / space.d)),
        ("natural", np.array(space.natural.fractions)),
    )
    if not grid.is_empty:
        for i in range(4):
            name, center = centers[i % 2]
            yield (
                f"whole concepts and tasks tilted around {name}",
                lambda center=center: _tilt(center, grid, rng),  # type: ignore[misc]
            )
    n_sparse = n // SPARSE_SHARE if n >= SPARSE_FROM else 0
    n_dense = max(2, n // 4)
    for concentration, count in ((3.0, n_dense), (1.0, n_sparse)):
        for i in range(count):
            name, center = centers[i % 2]
            yield (
                f"Dirichlet of concentration {concentration:g} around {name}",
                lambda c=center, k=concentration: rng.dirichlet(  # type: ignore[misc]
                    np.maximum(c * space.d * k, 1e-3)
                ),
            )


def _tilt(center: FloatArray, grid: Grid, rng: np.random.Generator) -> FloatArray:
    """Multiply whole tasks and whole concepts by log-normal factors."""
    task = rng.normal(0.0, TASK_TILT, len(grid.tasks)) @ grid.T_td
    concept = rng.normal(0.0, CONCEPT_TILT, len(grid.concepts)) @ grid.C_cd
    tilted = center * np.exp(task + concept)
    return np.asarray(tilted / tilted.sum())


def _first_apart(space: MixtureSpace, draw: Draw, taken: Sequence[Mixture]) -> Mixture | None:
    for _ in range(TRIES):
        try:
            mixture = repair(space, draw())
        except InfeasibleSpace:
            return None
        if is_apart(mixture, taken):
            return mixture
    return None
