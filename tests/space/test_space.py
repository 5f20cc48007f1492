from __future__ import annotations

import numpy as np
import pytest

from mixatlas.contract.mixture import Mixture
from mixatlas.space.build import Bound, Group, Linear, build_space
from mixatlas.space.space import MixtureSpace

TOKENS = {"chart.ocr": 100, "document.ocr": 200, "document.vqa": 300, "photo.caption": 400}


def mixture(*ppm: int) -> Mixture:
    return Mixture.of(zip(sorted(TOKENS), ppm, strict=True))


def test_bounds_are_met_to_the_last_part():
    space = build_space(tokens=TOKENS, bounds=[Bound(domain="chart.ocr", min="0.1", max="0.2")])
    assert space.contains(mixture(100_000, 0, 0, 900_000))
    assert space.contains(mixture(200_000, 0, 0, 800_000))
    assert not space.contains(mixture(99_999, 0, 0, 900_001))
    assert not space.contains(mixture(200_001, 0, 0, 799_999))


def test_limits_between_two_parts_are_rounded_inward():
    space = build_space(
        tokens=TOKENS,
        bounds=[Bound(domain="chart.ocr", min="0.1000001", max="0.1999999")],
        groups=[Group(name="g", domains=("document.*",), min="0.3000001", max="0.3999999")],
    )
    assert (space.lower[0], space.upper[0]) == (100_001, 199_999)
    assert space.contains(mixture(100_001, 300_001, 0, 599_998))
    assert not space.contains(mixture(100_001, 300_000, 0, 599_999))
    assert not space.contains(mixture(100_001, 400_000, 0, 499_999))


def test_linear_constraints_are_decided_without_floats():
    # 0.1 + 0.2 > 0.3 in floats.
    space = build_space(
        tokens=TOKENS,
        linear=[
            Linear(
                name="l",
                terms=(("chart.ocr", "0.1"), ("document.ocr", "0.2"), ("document.vqa", "-0.3")),
                min="0",
                max="0",
            )
        ],
    )
    assert space.contains(mixture(100_001, 100_001, 100_001, 699_997))
    assert not space.contains(mixture(100_002, 100_001, 100_001, 699_996))


def test_repeat_cap_is_repeats_times_tokens_over_target():
    space = build_space(tokens=TOKENS, max_repeats="2.5", target_tokens=1000)
    assert space.upper == (250_000, 500_000, 750_000, 1_000_000)


def test_the_tighter_of_bound_and_cap_holds():
    space = build_space(
        tokens=TOKENS,
        bounds=[Bound(domain="chart.ocr", max="0.1"), Bound(domain="document.ocr", max="0.9")],
        max_repeats="2.5",
        target_tokens=1000,
    )
    assert space.upper[:2] == (100_000, 500_000)


def test_violations_name_what_is_broken_with_both_numbers():
    space = build_space(
        tokens=TOKENS,
        bounds=[Bound(domain="chart.ocr", max="0.2")],
        groups=[Group(name="text-heavy", domains=("document.*",), min="0.5")],
    )
    assert space.violations(mixture(300_000, 100_000, 0, 600_000)) == (
        "chart.ocr is 0.300000, above 0.200000",
        "group text-heavy is 0.100000, below 0.500000",
    )
    assert space.violations(mixture(0, 500_000, 0, 500_000)) == ()


def test_violations_of_a_linear_constraint_are_in_its_own_unit():
    terms = (("chart.ocr", "2"), ("document.ocr", "-4"))
    space = build_space(tokens=TOKENS, linear=[Linear(name="l", terms=terms, max="0.5")])
    assert space.violations(mixture(600_000, 0, 0, 400_000)) == (
        "linear l is 1.200000, above 0.500000",
    )


def test_a_mixture_over_other_domains_is_refused():
    space = build_space(tokens=TOKENS)
    with pytest.raises(ValueError, match="other domains"):
        space.contains(Mixture.of({"chart.ocr": 1_000_000}))


def test_natural_follows_tokens_and_uniform_does_not():
    space = build_space(tokens=TOKENS)
    assert space.natural.ppm == (100_000, 200_000, 300_000, 400_000)
    assert space.uniform.ppm == (250_000,) * 4


def test_order_of_the_input_does_not_matter():
    def build(order: int) -> MixtureSpace:
        return build_space(
            tokens=dict(list(TOKENS.items())[::order]),
            bounds=[Bound(domain="chart.ocr", max="0.4"), Bound(domain="photo.caption", min="0.1")][
                ::order
            ],
            groups=[Group(name="g", domains=("document.*", "chart.*")[::order], max="0.7")],
        )

    assert build(1) == build(-1)


def test_halfspaces_and_box_agree_with_membership():
    space = build_space(
        tokens=TOKENS,
        bounds=[Bound(domain="chart.ocr", max="0.4")],
        groups=[Group(name="g", domains=("document.*",), min="0.2", max="0.7")],
        linear=[Linear(name="l", terms=(("chart.ocr", "3"), ("photo.caption", "-7")), max="0.1")],
    )
    A, b = space.halfspaces()
    lower, upper = space.box()
    assert (A.shape, b.shape) == ((3, 4), (3,))
    W = np.random.default_rng(0).dirichlet(np.ones(4), size=300)
    for w in W:
        point = Mixture.nearest(dict(zip(space.domains, w, strict=True)))
        fractions = np.array(point.fractions)
        inside = bool((A @ fractions <= b).all() and (fractions <= upper).all())
        assert inside == space.contains(point)
    assert (lower == 0).all()
