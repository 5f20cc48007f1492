"""Seed noise from replicates."""

from __future__ import annotations

import numpy as np
import pytest

from mixatlas.objective.noise import PRIOR_SD_SHARE, seed_noise, spread


def test_variance_is_pooled_with_a_prior_of_one_observation() -> None:
    Y_nm = np.array([[1.0], [1.2], [0.8], [3.0], [3.4]])
    groups = [[0, 1, 2], [3, 4]]
    prior = (PRIOR_SD_SHARE * np.std([1.0, 3.2], ddof=1)) ** 2
    noise = seed_noise(Y_nm, groups)
    assert noise.sd_m[0] == pytest.approx(np.sqrt((prior + 0.08 + 0.08) / (1 + 3)))
    assert noise.degrees_of_freedom == 4.0


def test_many_replicates_recover_the_true_noise() -> None:
    rng = np.random.default_rng(0)
    centre = rng.normal(size=(40, 1, 2))
    Y_nm = (centre + rng.normal(size=(40, 8, 2)) * [0.3, 0.02]).reshape(-1, 2)
    groups = [range(8 * g, 8 * g + 8) for g in range(40)]
    np.testing.assert_allclose(seed_noise(Y_nm, groups).sd_m, [0.3, 0.02], rtol=0.1)


def test_without_replicates_noise_is_the_prior_and_positive() -> None:
    noise = seed_noise(np.array([[0.1], [0.5]]), [[0], [1]])
    assert noise.sd_m[0] == pytest.approx(PRIOR_SD_SHARE * np.std([0.1, 0.5], ddof=1))
    assert noise.degrees_of_freedom == 1.0


def test_missing_scores_take_no_part() -> None:
    with_gap = seed_noise(np.array([[1.0], [1.2], [np.nan], [3.0]]), [[0, 1, 2], [3]])
    without = seed_noise(np.array([[1.0], [1.2], [3.0]]), [[0, 1], [2]])
    assert with_gap.sd_m == pytest.approx(without.sd_m)
    assert with_gap.degrees_of_freedom == without.degrees_of_freedom


def test_order_of_groups_does_not_matter() -> None:
    Y_nm = np.random.default_rng(1).normal(size=(6, 2))
    one = seed_noise(Y_nm, [[0, 1], [2, 3], [4, 5]])
    other = seed_noise(Y_nm, [[5, 4], [0, 1], [3, 2]])
    np.testing.assert_allclose(one.sd_m, other.sd_m)


def test_spread_is_1_where_nothing_varies() -> None:
    np.testing.assert_allclose(
        spread(np.array([[1.0, 2.0, np.nan], [3.0, 2.0, 1.0]])), [np.sqrt(2.0), 1.0, 1.0]
    )
