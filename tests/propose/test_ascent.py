"""Ascents find maxima inside, on faces, and at limits of the polytope."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from mixatlas.propose.ascent import ascend, best_first, candidate_pool, ranked
from mixatlas.propose.region import Region
from mixatlas.space.build import Group, build_space
from mixatlas.space.space import MixtureSpace

NAMES = [f"{c}.{t}" for c in ("animal", "chart") for t in ("caption", "ocr", "vqa")]
FREE = build_space(tokens=dict.fromkeys(NAMES, 1))
CAPPED = build_space(
    tokens=dict.fromkeys(NAMES, 1),
    groups=[Group(name="animals", domains=("animal.*",), max="0.3")],
)


@dataclass(frozen=True)
class Exact:
    """A criterion that is its own stand-in."""

    value: Callable[[np.ndarray], np.ndarray]

    def __call__(self, W_kd: np.ndarray) -> np.ndarray:
        return self.value(W_kd)

    def near(self, W_sd: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        return self.value


def near(target: list[float]) -> Exact:
    return Exact(lambda W_kd: -((W_kd - np.array(target)) ** 2).sum(axis=1))


@pytest.mark.parametrize(
    ("space", "target", "found"),
    [
        pytest.param(FREE, [0.1, 0.3, 0.05, 0.25, 0.2, 0.1], None, id="inside"),
        pytest.param(FREE, [0.5, 0.5, 0, 0, 0, 0], None, id="on a face"),
        pytest.param(FREE, [0, 0, 0, 0, 0, 1], None, id="at a vertex"),
        pytest.param(
            CAPPED,
            [0.3, 0.2, 0.1, 0.2, 0.1, 0.1],
            [0.2, 0.1, 0.0, 0.3, 0.2, 0.2],
            id="at a limit",
        ),
    ],
)
def test_ascents_reach_the_maximum(
    space: MixtureSpace, target: list[float], found: list[float] | None
) -> None:
    rng = np.random.default_rng(0)
    best = next(
        best_first(
            space,
            near(target),
            ranked(near(target), candidate_pool(space, np.zeros((0, 6)), n=300, rng=rng)),
            n_starts=3,
            rng=rng,
        )
    )
    np.testing.assert_allclose(best.fractions, found or target, atol=0.02)
    assert space.contains(best)


def test_an_ascent_never_ends_below_its_start() -> None:
    rng = np.random.default_rng(0)
    start = np.full(6, 1 / 6)
    rugged = Exact(lambda W_kd: np.sin(40 * W_kd).sum(axis=1))
    (end,), (value,) = ascend(FREE, rugged, start[None, :], rng=rng)
    assert value >= rugged(start[None, :])[0]
    assert end.sum() == pytest.approx(1.0)


def test_the_pool_lies_inside_and_holds_the_promising_mixtures() -> None:
    rng = np.random.default_rng(0)
    promising = np.array([[0.1, 0.1, 0.1, 0.3, 0.2, 0.2]])
    pool = candidate_pool(CAPPED, promising, n=300, rng=rng)
    region = Region.of(CAPPED)
    assert (pool @ region.A_rd.T <= region.b_r + 1e-9).all()
    np.testing.assert_allclose(pool.sum(axis=1), 1.0)
    np.testing.assert_allclose(pool[0], promising[0])


@pytest.mark.parametrize("dropped", [[0], [4], [1, 3], [0, 2], [0, 1, 2], [2, 5], [0, 1, 3, 4, 5]])
def test_the_pool_drops_cells_pairs_and_whole_slices_of_the_best(dropped: list[int]) -> None:
    best = np.array([0.1, 0.2, 0.15, 0.3, 0.05, 0.2])
    pool = candidate_pool(FREE, best[None, :], n=60, rng=np.random.default_rng(0))
    wanted = best.copy()
    wanted[dropped] = 0.0
    assert np.isclose(pool, wanted / wanted.sum()).all(axis=1).any()


def test_the_pool_drops_as_much_as_a_limit_allows() -> None:
    best = np.array([0.1, 0.1, 0.05, 0.3, 0.25, 0.2])
    pool = candidate_pool(CAPPED, best[None, :], n=60, rng=np.random.default_rng(0))
    is_reduced = (pool[:, 3] < 0.3) & np.isclose(pool[:, 0], pool[:, 1])
    assert np.isclose(pool[is_reduced][:, :3].sum(axis=1), 0.3).any()


def test_a_stand_in_that_misleads_costs_no_height() -> None:
    rng = np.random.default_rng(0)

    class Misled(Exact):
        def near(self, W_sd: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
            return lambda W_kd: -self.value(W_kd)

    start = np.full(6, 1 / 6)
    honest = near([0.5, 0.5, 0, 0, 0, 0])
    _, (value,) = ascend(FREE, Misled(honest.value), start[None, :], rng=rng)
    assert value >= honest(start[None, :])[0]


def test_an_ascent_gets_far_along_a_slope_of_many_domains() -> None:
    space = build_space(tokens={f"c{c}.t{t}": 1 for c in range(8) for t in range(5)})
    target_d = np.random.default_rng(1).dirichlet(np.full(space.d, 0.5))
    steep = Exact(lambda W_kd: -((np.log(W_kd + 0.01) - np.log(target_d + 0.01)) ** 2).sum(axis=1))
    start_1d = np.full((1, space.d), 1 / space.d)
    _, (value,) = ascend(space, steep, start_1d, rng=np.random.default_rng(0))
    assert value > 0.02 * steep(start_1d)[0]


def test_a_cell_at_zero_does_not_stop_the_others() -> None:
    steep = Exact(lambda W_kd: 0.01 * np.sqrt(W_kd[:, 0]) - (W_kd[:, 1] - 0.9) ** 2)
    start = np.array([0.0, 0.2, 0.2, 0.2, 0.2, 0.2])
    (end,), _ = ascend(FREE, steep, start[None, :], rng=np.random.default_rng(0))
    assert end[1] == pytest.approx(0.9, abs=0.02)
