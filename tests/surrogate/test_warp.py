"""Losses in logarithms and back."""

from __future__ import annotations

import numpy as np
import pytest

from builders import TWO_BENCHMARKS
from mixatlas.objective.scale import Scale
from mixatlas.surrogate.warp import Warp, centre, latent_noise_sd

SCALE = Scale.normalized(TWO_BENCHMARKS)
Y_nm = np.array([[0.2, -1.5], [0.6, -0.4], [0.4, np.nan]])
WARP = Warp.fitted(SCALE, Y_nm, least_spread_m=np.array([1e-9, 1e-9]))


def test_scores_come_back_from_their_latents() -> None:
    np.testing.assert_allclose(WARP.scores(WARP.standardised(Y_nm)), Y_nm)


def test_latents_keep_larger_is_better() -> None:
    Z_nm = WARP.standardised(Y_nm)
    assert Z_nm[1, 0] > Z_nm[0, 0]
    assert Z_nm[1, 1] > Z_nm[0, 1]


def test_moments_agree_with_draws() -> None:
    mean_m, variance_m = np.array([0.3, -0.2]), np.array([0.5, 0.4])
    draws = np.random.default_rng(0).normal(mean_m, np.sqrt(variance_m), size=(400_000, 2))
    scores = WARP.scores(draws)
    mean, variance = WARP.moments(mean_m, variance_m)
    np.testing.assert_allclose(mean, scores.mean(axis=0), rtol=0.01)
    np.testing.assert_allclose(variance, scores.var(axis=0), rtol=0.05)


def test_noise_of_a_loss_becomes_relative() -> None:
    sd_m = latent_noise_sd(SCALE, np.array([0.02, 0.02]), np.array([0.5, 0.5]))
    np.testing.assert_allclose(sd_m, [0.02, 0.04])


def test_a_loss_of_0_stays_finite() -> None:
    assert np.isfinite(WARP.standardised(np.array([0.5, 0.0]))).all()


def test_constant_scores_are_spread_by_their_noise() -> None:
    flat = Warp.fitted(SCALE, np.tile([0.5, -1.0], (3, 1)), least_spread_m=np.array([0.1, 0.2]))
    assert flat.spread_m == pytest.approx([0.1, 0.2])


def test_values_count_less_that_noise_hides() -> None:
    Z_nm = np.array([[1.0, 3.0], [2.0, 3.0], [3.0, np.nan], [50.0, 7.0]])
    noise_nm = np.array([[0.0, 0.0], [0.0, 0.0], [0.0, 0.0], [1e9, 4.0]])
    shift_m, spread_m = centre(Z_nm, noise_nm)
    assert shift_m[0] == pytest.approx(2.0, abs=1e-6)
    assert spread_m[0] == pytest.approx(np.sqrt(2 / 3), abs=1e-4)
    # Equal ones tell no scale: then all do.
    true = np.nanvar(Z_nm[:, 1])
    count = true / (true + 4)
    assert shift_m[1] == pytest.approx((6 + 7 * count) / (2 + count))


def test_without_noise_all_values_count_alike() -> None:
    Z_nm = np.random.default_rng(0).normal(size=(9, 3))
    Z_nm[4, 1] = np.nan
    shift_m, spread_m = centre(Z_nm, np.zeros((9, 3)))
    np.testing.assert_array_equal(shift_m, np.nanmean(Z_nm, axis=0))
    np.testing.assert_array_equal(spread_m, np.nanstd(Z_nm, axis=0))
