from __future__ import annotations

import pytest

from mixatlas.contract.errors import InfeasibleSpace
from mixatlas.space.build import Bound, Group, Linear, build_space

TOKENS = {"chart.ocr": 100, "document.ocr": 200, "document.vqa": 300, "photo.caption": 400}


def at_least(domain: str, share: str) -> Bound:
    return Bound(domain=domain, min=share)


def at_most(domain: str, share: str) -> Bound:
    return Bound(domain=domain, max=share)


CONFLICTS = [
    pytest.param(
        {
            "bounds": [
                at_least("chart.ocr", "0.6"),
                at_least("document.ocr", "0.1"),
                at_least("photo.caption", "0.5"),
            ]
        },
        "space.bounds chart.ocr is at least 0.6; space.bounds photo.caption is at least 0.5; "
        "weights sum to 1",
        id="minimums above one",
    ),
    pytest.param(
        {"bounds": [Bound(domain="chart.ocr", min="0.6", max="0.5")]},
        "space.bounds chart.ocr is at least 0.6; space.bounds chart.ocr is at most 0.5",
        id="bound against itself",
    ),
    pytest.param(
        {
            "bounds": [
                at_most("document.ocr", "0.2"),
                at_most("document.vqa", "0.2"),
                at_most("photo.caption", "0.3"),
            ],
            "groups": [Group(name="paper", domains=("document.*",), min="0.5")],
        },
        "space.bounds document.ocr is at most 0.2; space.bounds document.vqa is at most 0.2; "
        "space.groups paper is at least 0.5",
        id="group against bounds",
    ),
    pytest.param(
        {
            "groups": [
                Group(name="paper", domains=("document.*",), min="0.5"),
                Group(name="rest", domains=("chart.*", "photo.*"), min="0.6"),
                Group(name="ocr", domains=("*.ocr",), max="0.9"),
            ]
        },
        "space.groups paper is at least 0.5; space.groups rest is at least 0.6; weights sum to 1",
        id="groups against each other",
    ),
    pytest.param(
        {
            "linear": [
                Linear(name="l", terms=(("chart.ocr", "1"), ("photo.caption", "-2")), min="0.3")
            ],
            "max_repeats": "4",
            "target_tokens": 1600,
        },
        "space.maxRepeats 4 caps chart.ocr at 0.25; space.linear l is at least 0.3",
        id="linear against cap",
    ),
    pytest.param(
        {"max_repeats": "4", "target_tokens": 100_000},
        "space.maxRepeats 4 caps chart.ocr at 0.004; space.maxRepeats 4 caps document.ocr at "
        "0.008; space.maxRepeats 4 caps document.vqa at 0.012; space.maxRepeats 4 caps "
        "photo.caption at 0.016; weights sum to 1",
        id="too few repeats for all",
    ),
    pytest.param(
        {
            "linear": [
                Linear(name="a", terms=(("chart.ocr", "1"), ("document.ocr", "-1")), min="0.1"),
                Linear(name="b", terms=(("document.ocr", "1"), ("chart.ocr", "-1")), min="0"),
                Linear(name="c", terms=(("photo.caption", "1"),), max="0.9"),
            ]
        },
        "space.linear a is at least 0.1; space.linear b is at least 0",
        id="linear against linear",
    ),
]


@pytest.mark.parametrize(("limits", "named"), CONFLICTS)
def test_an_empty_space_names_a_minimal_conflict(limits, named):
    with pytest.raises(InfeasibleSpace) as caught:
        build_space(tokens=TOKENS, **limits)
    assert caught.value.message == f"no mixture meets all of: {named}"
    assert caught.value.hint


def test_many_caps_are_named_together():
    tokens = {f"c{i:02d}.vqa": 100 + i for i in range(30)}
    with pytest.raises(InfeasibleSpace) as caught:
        build_space(tokens=tokens, max_repeats="2", target_tokens=10_000)
    assert caught.value.message == (
        "no mixture meets all of: space.maxRepeats 2 caps 30 domains at 0.687 together (largest: "
        "c29.vqa 0.0258, c28.vqa 0.0256, c27.vqa 0.0254, c26.vqa 0.0252, c25.vqa 0.025, c24.vqa "
        "0.0248); weights sum to 1"
    )


def test_limits_that_meet_in_one_point_are_no_conflict():
    space = build_space(
        tokens=TOKENS, bounds=[at_least("chart.ocr", "0.6"), at_least("photo.caption", "0.4")]
    )
    assert space.lower == (600_000, 0, 0, 400_000)


@pytest.mark.parametrize(
    ("limits", "named"),
    [
        pytest.param(
            {"linear": [Linear(name="third", terms=(("chart.ocr", "3"),), min="1", max="1")]},
            "space.linear third is at least 1; space.linear third is at most 1",
            id="a third",
        ),
        pytest.param(
            {
                "linear": [
                    Linear(
                        name="l",
                        terms=(("chart.ocr", "3"), ("document.ocr", "-7")),
                        min="0",
                        max="0",
                    ),
                    Linear(
                        name="m",
                        terms=(("chart.ocr", "1"), ("document.ocr", "1")),
                        min="0.500001",
                        max="0.500001",
                    ),
                ]
            },
            "space.linear l is at least 0; space.linear l is at most 0; "
            "space.linear m is at least 0.500001; space.linear m is at most 0.500001",
            id="between lattice points",
        ),
    ],
)
def test_a_space_without_a_lattice_point_says_so(limits, named):
    with pytest.raises(InfeasibleSpace) as caught:
        build_space(tokens=TOKENS, **limits)
    assert caught.value.message == (f"no mixture in whole parts per million meets all of: {named}")
