"""Moves are cut where they would leave the polytope."""

from __future__ import annotations

import numpy as np

from mixatlas.propose.region import Region
from mixatlas.space.build import Bound, Group, build_space

SPACE = build_space(
    tokens={"a": 1, "b": 1, "c": 1},
    bounds=[Bound(domain="a", min="0.1", max="0.6")],
    groups=[Group(name="some", domains=("b",), min="0.2", max="0.5")],
)
REGION = Region.of(SPACE)
INSIDE = np.array([[0.3, 0.3, 0.4]])


def test_a_target_inside_is_reached() -> None:
    target = np.array([[0.5, 0.25, 0.25]])
    np.testing.assert_allclose(REGION.toward(INSIDE, target), target)


def test_a_target_outside_is_met_on_the_first_limit() -> None:
    np.testing.assert_allclose(
        REGION.toward(INSIDE, np.array([[0.9, 0.3, -0.2]])), [[0.6, 0.3, 0.1]]
    )
    np.testing.assert_allclose(
        REGION.toward(INSIDE, np.array([[0.3, 0.7, 0.0]])), [[0.3, 0.5, 0.2]]
    )


def test_from_a_limit_no_step_goes_further_out() -> None:
    edge = np.array([[0.6, 0.2, 0.2]])
    np.testing.assert_allclose(REGION.toward(edge, np.array([[1.0, 0.0, 0.0]])), edge)
