"""Limits of a table's mixtures: the table's own names, and every mistake at its place."""

from __future__ import annotations

import pytest

from mixatlas.contract.errors import SpecError
from mixatlas.spec.table_space import load_table_space

DOMAINS = ("adult_content", "web:news", "Pile CC")


def test_names_are_those_of_the_table() -> None:
    text = (
        'bounds: [{domain: adult_content, max: "0.1"}, {domain: Pile CC, min: "0.2"}]\n'
        'groups: [{name: web, domains: ["web:*"], max: "0.5"}]\n'
        'linear: [{name: l, terms: [{domain: "web:news", coefficient: "2"}], max: "1"}]\n'
    )
    space = load_table_space(text, filename="space.yaml", domains=DOMAINS)
    assert [bound.domain for bound in space.bounds] == ["adult_content", "Pile CC"]
    assert space.groups[0].domains == ("web:*",)
    assert space.linear[0].terms[0].domain == "web:news"
    assert space.max_repeats is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('bounds: [{domain: adult, max: "0.1"}]', "1:19: bounds.0.domain: the table has no domain"),
        ('bounds: [{domain: adult_contnt, max: "0.1"}]', "did you mean `adult_content`?"),
        ('groups: [{name: g, domains: [x*], max: "0.1"}]', "no domain matches `x*`"),
        (
            'linear: [{name: l, terms: [{domain: x, coefficient: "1"}], max: "1"}]',
            "linear.0.terms.0.domain: the table has no domain `x`",
        ),
        ('maxRepeats: "4"', "1:1: maxRepeats: unknown field"),
        ("bounds: [{domain: adult_content, max: 0.1}]", "a decimal must be in quotes"),
        ('bounds: [{domain: adult_content, max: "1.5"}]', "1.5 is no share"),
        (
            'bounds: [{domain: adult_content, min: "0.5", max: "0.1"}]',
            "min 0.5 is above max 0.1",
        ),
        ("[]", "space.yaml:1:1"),
        ("bounds: [", "not YAML"),
        ("", "the file is empty"),
    ],
)
def test_mistakes_have_places(text: str, said: str) -> None:
    with pytest.raises(SpecError) as error:
        load_table_space(text, filename="space.yaml", domains=DOMAINS)
    assert "space.yaml:1:" in str(error.value)
    assert said in str(error.value)


def test_a_mapping_without_limits_allows_all() -> None:
    space = load_table_space("{}", filename="space.yaml", domains=DOMAINS)
    assert (space.bounds, space.groups, space.linear) == ((), (), ())
