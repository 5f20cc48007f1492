"""Where a local search keeps what it knows."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from fakes import MemoryStore
from mixatlas.adapters.s3 import S3Settings, S3Store
from mixatlas.contract.errors import HistoryMismatch, SearchFailed
from mixatlas.local.place import (
    hold_store,
    ledger_beside,
    ledger_root,
    look_at,
    must_hold_ledger,
    open_store,
)
from mixatlas.local.state import StateFolder
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


@pytest.mark.parametrize("storage", [None, {"endpoint": "http://own"}, {}])
@pytest.mark.parametrize("opened", [open_store, hold_store])
def test_the_environment_names_the_store_of_a_look_and_of_a_run(
    opened: Callable[..., AbstractContextManager[tuple[S3Store, S3Settings]]],
    storage: dict[str, str] | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://named")
    search = a_document() if storage is None else a_document(storage=storage)
    with opened(search, StateFolder(tmp_path)) as (_, settings):
        assert settings.endpoint == "http://named"
    assert list(tmp_path.iterdir()) == [], "no server of its own was started"


def test_a_search_whose_ledger_is_not_found_does_not_begin_anew(tmp_path: Path) -> None:
    root, store, state = "s3://mixatlas/a/b", MemoryStore(), StateFolder(tmp_path)
    must_hold_ledger(store, state, root)
    state.status.write_text("{}")
    with pytest.raises(HistoryMismatch, match="holds no ledger s3://mixatlas/a/b"):
        must_hold_ledger(store, state, root)
    store.put(f"{root}/search.json", b"{}")
    must_hold_ledger(store, state, root)


def test_the_ledger_of_a_search_that_was_run_beside_another_is_found(tmp_path: Path) -> None:
    state, other = (StateFolder.of(tmp_path / "search.yaml", n, None) for n in ("this", "other"))
    assert ledger_beside(state, "other") is None
    other.path.mkdir(parents=True)
    other.status.write_text('{"status": {}}')
    assert ledger_beside(state, "other") is None, "it was not accepted"
    other.status.write_text('{"status": {"ledger": "s3://mixatlas/a/b"}}')
    assert ledger_beside(state, "other") == "s3://mixatlas/a/b"
