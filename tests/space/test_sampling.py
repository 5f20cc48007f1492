from __future__ import annotations

from math import comb

import numpy as np
import pytest
from scipy import stats

from mixatlas.space.build import Bound, Group, Linear, build_space
from mixatlas.space.sampling import sample_uniform, sobol_points
from mixatlas.space.space import MixtureSpace

REFUSED = 1e-3
"""p-value under which a sample is called not uniform. Seeds are fixed: nothing is left to luck."""


def a_simplex(d: int, **limits) -> MixtureSpace:
    return build_space(tokens={f"d{i:02d}": 1 for i in range(d)}, **limits)


def names(first: int, last: int) -> tuple[str, ...]:
    return tuple(f"d{i:02d}" for i in range(first, last))


def assert_inside(space: MixtureSpace, W: np.ndarray) -> None:
    A, b = space.halfspaces()
    lower, upper = space.box()
    assert np.abs(W.sum(axis=1) - 1).max() < 1e-9
    assert (lower - 1e-9 <= W).all()
    assert (upper + 1e-9 >= W).all()
    assert (b + 1e-9 >= W @ A.T).all()


@pytest.mark.parametrize("d", [2, 5, 22])
def test_weights_of_the_simplex_are_beta(d):
    W = sample_uniform(a_simplex(d), 2000, seed=1)
    for column in W.T[:3]:
        assert stats.kstest(column, stats.beta(1, d - 1).cdf).pvalue > REFUSED


def test_a_cut_triangle_is_filled_evenly():
    """Chi-squared over the cells of the barycentric grid that lie inside, all of equal area."""
    space = a_simplex(
        3,
        bounds=[Bound(domain="d00", max="0.5"), Bound(domain="d01", min="0.1")],
        groups=[Group(name="g", domains=("d01", "d02"), max="0.9")],
    )
    W = sample_uniform(space, 20_000, seed=2)
    assert_inside(space, W)
    # A cell: integer parts of 10·w, and which of the two triangles of that parallelogram.
    tenth = np.floor(W[:, :2] * 10 - 1e-12).astype(int)
    upper_half = (W[:, :2] * 10 - tenth).sum(axis=1) > 1
    cells = np.unique(np.column_stack([tenth, upper_half]), axis=0, return_counts=True)[1]
    # d00 in 0.1..0.5 and d01 in 0.1..1-d00: 36 + 25 + ... of 100 such triangles.
    assert len(cells) == 8**2 - 4**2
    assert stats.chisquare(cells).pvalue > REFUSED


def test_a_thin_strip_is_filled_evenly():
    """0.3 % of the triangle: by the walk. Position along the strip and across it are uniform."""
    space = a_simplex(
        3, linear=[Linear(name="l", terms=(("d00", "1"), ("d01", "-1")), min="0", max="0.003")]
    )
    W = sample_uniform(space, 4000, seed=3)
    assert_inside(space, W)
    across = (W[:, 0] - W[:, 1]) / 0.003
    assert stats.kstest(across, "uniform").pvalue > REFUSED
    along = W[:, 2] / (1 - 0.003 * across)
    assert stats.kstest(along, "uniform").pvalue > REFUSED


@pytest.mark.parametrize(
    ("d", "g", "low", "high"),
    [
        pytest.param(22, 3, "0.6", "0.9", id="far tail"),
        pytest.param(16, 8, "0.9", "1", id="half of all"),
        pytest.param(30, 4, "0.3", "0.31", id="narrow"),
    ],
)
def test_a_rare_group_has_the_law_of_its_sum(d, g, low, high):
    """The sum of g of d weights is Beta(g, d - g), here cut to the group's limits."""
    space = a_simplex(d, groups=[Group(name="g", domains=names(0, g), min=low, max=high)])
    W = sample_uniform(space, 1000, seed=4)
    assert_inside(space, W)
    total = W[:, :g].sum(axis=1)
    beta = stats.beta(g, d - g)
    below, above = beta.cdf(float(low)), beta.cdf(float(high))
    assert stats.kstest((beta.cdf(total) - below) / (above - below), "uniform").pvalue > REFUSED
    assert stats.kstest(W[:, 0] / total, stats.beta(1, g - 1).cdf).pvalue > REFUSED
    assert stats.kstest(W[:, -1] / (1 - total), stats.beta(1, d - g - 1).cdf).pvalue > REFUSED


def test_a_flat_space_is_sampled_in_its_plane():
    """d00 = 2 d01 leaves a triangle in (d00 + d01, d02, d03)."""
    space = a_simplex(
        4, linear=[Linear(name="l", terms=(("d00", "1"), ("d01", "-2")), min="0", max="0")]
    )
    W = sample_uniform(space, 2000, seed=5)
    assert np.abs(W[:, 0] - 2 * W[:, 1]).max() < 1e-9
    assert stats.kstest(W[:, 0] + W[:, 1], stats.beta(1, 2).cdf).pvalue > REFUSED
    assert stats.kstest(W[:, 3], stats.beta(1, 2).cdf).pvalue > REFUSED


def test_an_exact_group_sum_leaves_two_simplices():
    space = a_simplex(12, groups=[Group(name="g", domains=names(0, 3), min="0.5", max="0.5")])
    W = sample_uniform(space, 1000, seed=6)
    assert np.abs(W[:, :3].sum(axis=1) - 0.5).max() < 1e-9
    assert stats.kstest(2 * W[:, 0], stats.beta(1, 2).cdf).pvalue > REFUSED
    assert stats.kstest(2 * W[:, -1], stats.beta(1, 8).cdf).pvalue > REFUSED


def test_fixed_weights_stay_fixed():
    space = a_simplex(
        4,
        bounds=[Bound(domain="d00", min="0.3", max="0.3"), Bound(domain="d01", min="0", max="0")],
    )
    for W in (sample_uniform(space, 500, seed=7), sobol_points(space, 50, seed=7)):
        assert_inside(space, W)
        assert np.abs(W[:, :2] - [0.3, 0.0]).max() < 1e-12
        assert np.ptp(W[:, 2]) > 0.5


def test_limits_that_imply_fixed_weights_are_seen():
    """The minimums of three leave nothing for the fourth, which no bound of its own says."""
    bounds = [Bound(domain=f"d{i:02d}", min=share) for i, share in enumerate(("0.5", "0.3", "0.2"))]
    space = a_simplex(4, bounds=bounds)
    assert np.abs(sample_uniform(space, 3, seed=1) - [0.5, 0.3, 0.2, 0.0]).max() < 1e-9
    group = a_simplex(
        4, bounds=bounds[:2], groups=[Group(name="g", domains=names(0, 2), max="0.8")]
    )
    W = sample_uniform(group, 500, seed=1)
    assert np.abs(W[:, :2] - [0.5, 0.3]).max() < 1e-9
    assert np.ptp(W[:, 2]) > 0.15


@pytest.mark.parametrize("draw", [sample_uniform, sobol_points])
def test_the_seed_decides(draw):
    space = a_simplex(6, bounds=[Bound(domain="d00", max="0.5")])
    assert (draw(space, 20, 8) == draw(space, 20, 8)).all()
    assert not (draw(space, 20, 8) == draw(space, 20, 9)).any()


def test_none_are_drawn_when_none_are_wanted():
    assert sample_uniform(a_simplex(3), 0, seed=1).shape == (0, 3)
    assert sobol_points(a_simplex(3), 0, seed=1).shape == (0, 3)


@pytest.mark.parametrize(
    "limits",
    [
        pytest.param({}, id="simplex"),
        pytest.param({"groups": [Group(name="g", domains=names(0, 2), min="0.9")]}, id="cut"),
    ],
)
def test_a_sobol_sequence_goes_on_after_a_skip(limits):
    space = a_simplex(5, **limits)
    assert (sobol_points(space, 20, 3)[12:] == sobol_points(space, 8, 3, skip=12)).all()


def mean_error(W: np.ndarray, truth: np.ndarray) -> float:
    """Squared error of the means of weights and of products of two, in units of their spread."""
    first = (W.mean(axis=0) - truth.mean(axis=0)) / truth.std(axis=0)
    second = W.T @ W / len(W) - truth.T @ truth / len(truth)
    return float((first**2).sum() + (second**2).sum())


@pytest.mark.parametrize(
    "limits",
    [
        pytest.param({}, id="simplex"),
        pytest.param({"bounds": [Bound(domain="d00", max="0.4")]}, id="bounded"),
    ],
)
def test_sobol_points_are_spread_more_evenly_than_random_ones(limits):
    space = a_simplex(4, **limits)
    truth = sample_uniform(space, 40_000, seed=99)
    even = [mean_error(sobol_points(space, 64, seed), truth) for seed in range(20)]
    random = [mean_error(sample_uniform(space, 64, seed), truth) for seed in range(20)]
    assert np.mean(even) < 0.5 * np.mean(random)


def test_points_of_a_rare_region_are_spread_more_evenly_than_random_ones():
    """The sum of two weights above 0.97 is Beta(2, 2) cut there, split uniformly on both sides."""
    space = a_simplex(4, groups=[Group(name="g", domains=names(0, 2), min="0.97")])
    rng = np.random.default_rng(0)
    beta = stats.beta(2, 2)
    total = beta.ppf(beta.cdf(0.97) + (1 - beta.cdf(0.97)) * rng.random(40_000))
    first, third = total * rng.random(40_000), (1 - total) * rng.random(40_000)
    truth = np.column_stack([first, total - first, third, 1 - total - third])
    even = [mean_error(sobol_points(space, 64, seed), truth) for seed in range(3)]
    random = [mean_error(chunk, truth) for chunk in np.split(truth[:3200], 50)]
    assert np.mean(even) < 0.5 * np.mean(random)


def test_a_sobol_design_touches_every_part_of_the_simplex():
    W = sobol_points(a_simplex(3), 64, seed=1)
    cells = {tuple(cell) for cell in np.floor(W * 4).astype(int)}
    assert len(cells) == comb(5, 2) + comb(4, 2)  # upright and inverted triangles of side 1/4
