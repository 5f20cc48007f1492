"""Where a local search keeps what it knows."""

from __future__ import annotations

from pathlib import Path

import pytest

from mixatlas.contract.errors import SearchFailed
from mixatlas.local.place import ledger_root, look_at
from scenario import a_document


def test_a_ledger_lies_below_its_search() -> None:
    assert ledger_root(a_document(), "uid00") == "s3://mixatlas/searches/default/golden/uid00"


def test_the_document_says_where_its_ledger_lies() -> None:
    search = a_document(storage={"endpoint": "http://minio", "bucket": "own", "prefix": "a/b"})
    assert ledger_root(search, "uid00") == "s3://own/a/b/default/golden/uid00"


def test_a_search_that_was_never_run_cannot_be_looked_at(tmp_path: Path) -> None:
    document = tmp_path / "search.yaml"
    with (
        pytest.raises(SearchFailed, match="golden has not been run here") as raised,
        look_at(a_document(), document, None),
    ):
        pass
    assert raised.value.hint == f"mixatlas run -f {document}"
    assert list(tmp_path.iterdir()) == []
