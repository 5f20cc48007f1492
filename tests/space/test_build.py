from __future__ import annotations

import pytest

from mixatlas.contract.errors import SpecError
from mixatlas.space.build import Bound, Group, Linear, build_space

TOKENS = {"chart.ocr": 100, "document.ocr": 200, "document.vqa": 300, "photo.caption": 400}


@pytest.mark.parametrize(
    ("limits", "message", "hint"),
    [
        pytest.param(
            {"bounds": [Bound(domain="chart.orc", max="0.5")]},
            "space.bounds: no domain `chart.orc`",
            "Did you mean `chart.ocr`?",
            id="bound",
        ),
        pytest.param(
            {"linear": [Linear(name="l", terms=(("photo.captions", "1"),), max="0")]},
            "space.linear l: no domain `photo.captions`",
            "Did you mean `photo.caption`?",
            id="linear",
        ),
        pytest.param(
            {"groups": [Group(name="g", domains=("chart.*", "documents.*"))]},
            "space.groups g: `documents.*` matches no domain",
            "Did you mean `document.vqa`?",
            id="group",
        ),
        pytest.param(
            {"groups": [Group(name="g", domains=("zzz*",))]},
            "space.groups g: `zzz*` matches no domain",
            "There are: chart.ocr, document.ocr, document.vqa, photo.caption.",
            id="nothing near",
        ),
        pytest.param(
            {"linear": [Linear(name="l", terms=(("chart.ocr", "1"), ("chart.ocr", "2")), max="0")]},
            "space.linear l: `chart.ocr` stands twice",
            "Give each domain one coefficient.",
            id="twice",
        ),
    ],
)
def test_names_that_fit_nothing_are_refused(limits, message, hint):
    with pytest.raises(SpecError) as caught:
        build_space(tokens=TOKENS, **limits)
    assert (caught.value.message, caught.value.hint) == (message, hint)


def test_a_domain_without_tokens_is_refused():
    with pytest.raises(SpecError, match=r"domain chart\.ocr holds no tokens"):
        build_space(tokens=TOKENS | {"chart.ocr": 0})


def test_patterns_of_a_group_may_overlap():
    space = build_space(
        tokens=TOKENS, groups=[Group(name="g", domains=("document.*", "*.ocr"), max="0.5")]
    )
    assert space.constraints[0].coefficients == (1, 1, 1, 0)


def test_patterns_tell_capitals_and_take_single_names():
    space = build_space(
        tokens=TOKENS, groups=[Group(name="g", domains=("chart.ocr", "photo.?aption"), max="0.5")]
    )
    assert space.constraints[0].coefficients == (1, 0, 0, 1)


def test_coefficients_become_the_smallest_whole_numbers():
    terms = (("chart.ocr", "0.50"), ("document.ocr", "-1.5"))
    space = build_space(tokens=TOKENS, linear=[Linear(name="l", terms=terms, max="0.25")])
    row = space.constraints[0]
    assert row.coefficients == (1, -3, 0, 0)
    assert (row.low, row.high) == (None, 500_000)
