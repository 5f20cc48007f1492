"""The field reference: every field, what it takes, and what it is without being written."""

from __future__ import annotations

from mixatlas.spec.reference import render_reference
from mixatlas.spec.schema import fields

ROWS = {
    row.split("|")[1].strip(" `"): row
    for row in render_reference().splitlines()
    if row.startswith("| `")
}


def test_every_field_has_a_row() -> None:
    assert list(ROWS) == [path for path, _, _ in fields()]


def test_a_row_says_type_range_default_and_whether_it_may_change() -> None:
    assert "| integer, ≥ 4, ≤ 2,000 | `64` |" in ROWS["spec.search.maxTrials"]
    assert ROWS["spec.search.maxTrials"].endswith("*Editable.* |")
    assert "| decimal | `0` |" in ROWS["spec.space.bounds[].min"]
    assert "| Bayesian \\| Sobol \\| Random | `Bayesian` |" in ROWS["spec.search.method"]
    assert "| required |" in ROWS["spec.proxy.tokens"]
    assert "ditable" not in ROWS["spec.search.seed"]


def test_the_table_has_four_columns_in_every_row() -> None:
    assert {row.replace("\\|", "").count("|") for row in ROWS.values()} == {5}
