"""Features that know the grid."""

from __future__ import annotations

import numpy as np
import pytest

from builders import a_space
from mixatlas.surrogate.features import EPSILON, Features

SPACE = a_space(2, 3)
RNG = np.random.default_rng(5)
W_nd = RNG.dirichlet(np.ones(6), size=20)


def distance(features: Features, v_d: np.ndarray, w_d: np.ndarray) -> float:
    X = features(np.array([v_d, w_d])).numpy()
    return float(((X[0] - X[1]) ** 2).mean())


def test_moving_a_whole_task_is_farther_than_moving_single_cells() -> None:
    features = Features.over(SPACE.domains, W_nd)
    even = np.full(6, 1 / 6)
    whole = even + 0.08 * np.array([1, -1, 0, 1, -1, 0])
    crossed = even + 0.08 * np.array([1, -1, 0, -1, 1, 0])
    assert distance(features, even, whole) > 1.5 * distance(features, even, crossed)


def test_features_are_standardised_over_the_trials() -> None:
    X = Features.over(SPACE.domains, W_nd)(W_nd).numpy()
    np.testing.assert_allclose(X.mean(axis=0), 0.0, atol=1e-12)
    assert (X.std(axis=0) < 1 + 1e-9).all()


@pytest.mark.parametrize(
    ("domains", "n_groups"),
    [
        pytest.param(("photo", "chart", "document"), 3, id="no grid"),
        pytest.param(("photo.vqa", "chart.vqa", "chart.ocr"), 3 + 2, id="chart and vqa sum two"),
        pytest.param(("a.vqa", "b.vqa", "c.vqa"), 3, id="one task: its sum is constant"),
    ],
)
def test_sums_are_features_where_they_say_more_than_cells(
    domains: tuple[str, ...], n_groups: int
) -> None:
    features = Features.over(domains, np.full((1, 3), 1 / 3))
    assert features.n_groups == n_groups
    assert features(np.full((1, 3), 1 / 3)).shape == (1, 2 * n_groups)


def test_below_epsilon_zero_and_little_are_nearly_alike() -> None:
    seen = np.vstack([RNG.dirichlet(np.ones(2), size=20), np.eye(2)])
    low, high = np.array([0.0, 1.0]), np.array([0.001, 0.999])
    fine, coarse = (Features.over(("a", "b"), seen, epsilon=e) for e in (EPSILON / 100, 0.05))
    assert distance(fine, low, high) > 3 * distance(coarse, low, high)


def test_what_never_moved_is_not_far_away_once_it_moves() -> None:
    still = W_nd.copy()
    still[:, 0], still[:, 1] = 0.1, still[:, 1] + still[:, 0] - 0.1
    moved = still[0].copy()
    moved[0] += 0.001
    assert distance(Features.over(SPACE.domains, still), still[0], moved) < 0.05


def test_what_no_trial_came_near_looks_as_if_it_were_nearer() -> None:
    inner = 0.5 / 6 + 0.5 * W_nd
    features = Features.over(SPACE.domains, inner)
    corner, beyond = np.eye(6)[0], 0.05 / 6 + 0.95 * np.eye(6)[0]
    assert distance(features, corner, beyond) == 0
    assert distance(features, inner[0], corner) > 0


def test_rounding_dust_below_zero_is_harmless() -> None:
    features = Features.over(SPACE.domains, W_nd)
    dust = np.array([[-1e-17, 0.2, 0.2, 0.2, 0.2, 0.2]])
    assert np.isfinite(features(dust).numpy()).all()
