"""What a user reads after a mistake: one table, the exact words."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from mixatlas.contract import errors
from mixatlas.spec.load import load_search

HERE = Path(__file__).parent
GOOD = (HERE / "good.yaml").read_text(encoding="utf-8")
ROWS = yaml.safe_load((HERE / "bad_inputs.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("row", ROWS, ids=[row["name"] for row in ROWS])
def test_a_mistake_is_told_in_these_words(row: dict[str, str]) -> None:
    if row["replace"] == "ALL":
        text = row["with"]
    else:
        text = GOOD.replace(row["replace"], row["with"], 1)
        assert text != GOOD
    with pytest.raises(errors.SpecError) as caught:
        load_search(text, filename="search.yaml")
    assert type(caught.value) is getattr(errors, row["error"])
    assert f"{caught.value}\n" == row["message"]


def test_the_table_starts_from_a_document_that_is_good() -> None:
    assert load_search(GOOD).metadata.name == "llava"


def test_each_row_has_a_name_of_its_own() -> None:
    names = [row["name"] for row in ROWS]
    assert len(names) == len(set(names)) >= 60
