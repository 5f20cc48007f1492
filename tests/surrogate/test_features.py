"""Features that know the grid."""

from __future__ import annotations

import numpy as np

from builders import a_space
from mixatlas.surrogate.features import Features

SPACE = a_space(2, 3)


def distance(features: Features, v_d: np.ndarray, w_d: np.ndarray) -> float:
    X = features(np.array([v_d, w_d])).numpy()
    return float(((X[0] - X[1]) ** 2).mean())


def test_moving_a_whole_task_is_farther_than_moving_single_cells() -> None:
    features = Features.on(SPACE.domains, epsilon=0.01)
    even = np.full(6, 1 / 6)
    whole = even + 0.08 * np.array([1, -1, 0, 1, -1, 0])
    crossed = even + 0.08 * np.array([1, -1, 0, -1, 1, 0])
    assert distance(features, even, whole) > 1.5 * distance(features, even, crossed)


def test_without_a_grid_cells_alone_count() -> None:
    features = Features.on(("photo", "chart", "document"), epsilon=0.01)
    assert features(np.full((1, 3), 1 / 3)).shape == (1, 6)


def test_below_epsilon_zero_and_little_are_nearly_alike() -> None:
    low, high = np.array([0.0, 1.0]), np.array([0.001, 0.999])
    fine, coarse = (Features.on(("a", "b"), epsilon=e) for e in (1e-5, 0.05))
    assert distance(fine, low, high) > 3 * distance(coarse, low, high)


def test_rounding_dust_below_zero_is_harmless() -> None:
    features = Features.on(SPACE.domains, epsilon=0.01)
    dust = np.array([[-1e-17, 0.2, 0.2, 0.2, 0.2, 0.2]])
    assert np.isfinite(features(dust).numpy()).all()
