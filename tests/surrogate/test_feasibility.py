"""Divergence closes a spot, not a region."""

from __future__ import annotations

import numpy as np
import pytest

from mixatlas.surrogate.feasibility import LARGEST_RADIUS, LEAST_RADIUS, Divergence

SPOT = np.array([[0.8, 0.1, 0.1]])
GOOD = np.array([[0.3, 0.4, 0.3]])


def test_the_diverged_mixture_is_ruled_out_and_a_good_one_is_not() -> None:
    divergence = Divergence.seen(SPOT, GOOD)
    assert divergence.probability_ok(SPOT)[0] == 0.0
    assert divergence.probability_ok(GOOD)[0] > 0.99


def test_a_good_trial_nearby_narrows_the_spot() -> None:
    near = np.array([[0.75, 0.15, 0.1]])
    assert Divergence.seen(SPOT, near).radius_k[0] == pytest.approx(0.025)
    assert Divergence.seen(SPOT, near).probability_ok(near)[0] > 0.86


@pytest.mark.parametrize(
    ("good", "radius"),
    [
        pytest.param(GOOD, LARGEST_RADIUS, id="far"),
        pytest.param(SPOT, LEAST_RADIUS, id="the same mixture"),
        pytest.param(np.zeros((0, 3)), LARGEST_RADIUS, id="none"),
    ],
)
def test_radii_are_bounded(good: np.ndarray, radius: float) -> None:
    assert Divergence.seen(SPOT, good).radius_k[0] == radius


def test_without_divergence_all_is_well() -> None:
    assert Divergence.seen(np.zeros((0, 3)), GOOD).probability_ok(GOOD)[0] == 1.0
