from __future__ import annotations

import numpy as np
import pytest

from mixatlas.contract.errors import InfeasibleSpace
from mixatlas.space.build import Bound, Group, Linear, build_space
from mixatlas.space.lattice import repair
from mixatlas.space.space import LinearConstraint, MixtureSpace

ABCD = MixtureSpace.of("a", "b", "c", "d")
TOKENS = dict.fromkeys(ABCD.domains, 1)


def test_a_feasible_lattice_point_stays():
    assert repair(ABCD, np.array([0.1, 0.2, 0.3, 0.4])).ppm == (100_000, 200_000, 300_000, 400_000)


def test_rounding_is_by_largest_remainder_and_ties_by_name():
    third = MixtureSpace.of("a", "b", "c")
    assert repair(third, np.full(3, 1 / 3)).ppm == (333_334, 333_333, 333_333)


def test_what_is_above_a_bound_is_shared_evenly():
    space = build_space(tokens=TOKENS, bounds=[Bound(domain="a", max="0.4")])
    assert repair(space, np.array([0.7, 0.1, 0.1, 0.1])).ppm == (400_000, 200_000, 200_000, 200_000)


def test_zeros_stay_zero():
    space = build_space(tokens=TOKENS, bounds=[Bound(domain="a", max="0.4")])
    assert repair(space, np.array([0.7, 0.3, 0.0, 0.0])).ppm == (400_000, 600_000, 0, 0)


def test_only_zeros_that_the_space_forces_apart_are_given_up():
    space = build_space(
        tokens=TOKENS,
        bounds=[Bound(domain="a", max="0.4"), Bound(domain="c", min="0.1")],
        groups=[Group(name="g", domains=("b", "c"), max="0.3")],
    )
    repaired = repair(space, np.array([1.0, 0.0, 0.0, 0.0]))
    assert space.contains(repaired)
    assert repaired.ppm[1] == 0
    assert repaired.ppm[0] == 400_000


def test_a_group_is_met_by_the_nearest_point():
    space = build_space(tokens=TOKENS, groups=[Group(name="g", domains=("a", "b"), min="0.8")])
    assert repair(space, np.array([0.1, 0.3, 0.3, 0.3])).ppm == (300_000, 500_000, 100_000, 100_000)


def test_an_equality_between_odd_coefficients_is_met_exactly():
    terms = (("a", "37"), ("b", "-91"), ("c", "13"))
    space = build_space(
        tokens=TOKENS, linear=[Linear(name="l", terms=terms, min="0.05", max="0.05")]
    )
    weights = np.array([0.25, 0.1, 0.3, 0.35])
    repaired = repair(space, weights)
    assert space.contains(repaired)
    assert np.abs(np.array(repaired.fractions) - weights).max() < 0.1


def test_a_sliver_holds_its_only_point():
    # a = 2b and a + b = 0.3: one line of two free domains is left.
    space = build_space(
        tokens=TOKENS,
        groups=[Group(name="g", domains=("a", "b"), min="0.3", max="0.3")],
        linear=[Linear(name="l", terms=(("a", "1"), ("b", "-2")), min="0", max="0")],
    )
    assert repair(space, np.array([0.0, 0.9, 0.05, 0.05])).ppm == (
        200_000,
        100_000,
        350_000,
        350_000,
    )


def test_the_sum_decides_a_single_free_weight():
    fixed = [Bound(domain=name, min="0.2", max="0.2") for name in "abc"]
    terms = (("a", "1"), ("d", "-1"))
    space = build_space(
        tokens=TOKENS, bounds=fixed, linear=[Linear(name="l", terms=terms, max="-0.2")]
    )
    assert repair(space, np.array([0.9, 0.05, 0.05, 0.0])).ppm == (
        200_000,
        200_000,
        200_000,
        400_000,
    )


def test_long_coefficients_do_not_hide_a_broken_part():
    terms = (("a", "1.000000000001"), ("b", "-1"), ("c", "0.999999999999"))
    space = build_space(tokens=TOKENS, linear=[Linear(name="l", terms=terms, max="0.3")])
    for seed in range(20):
        weights = np.random.default_rng(seed).dirichlet(np.ones(4))
        assert space.contains(repair(space, weights))


def test_without_a_lattice_point_it_refuses():
    row = LinearConstraint(name="l", coefficients=(2, 2, 0, 0), low=333_333, high=333_333)
    space = MixtureSpace(
        domains=ABCD.domains,
        tokens=ABCD.tokens,
        natural=ABCD.natural,
        lower=ABCD.lower,
        upper=ABCD.upper,
        constraints=(row,),
    )
    with pytest.raises(InfeasibleSpace, match="found no mixture in whole parts per million"):
        repair(space, np.full(4, 0.25))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_numbers_that_are_not_finite_are_refused(bad):
    with pytest.raises(ValueError, match="finite"):
        repair(ABCD, np.array([bad, 0.5, 0.25, 0.25]))
