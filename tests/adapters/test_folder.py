"""What is a folder's own: paths, partial files, and what is no folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from mixatlas.adapters.folder import FolderStore
from mixatlas.contract.errors import SpecError, StoreUnavailable


def test_a_plain_path_is_a_uri_too(tmp_path: Path) -> None:
    store = FolderStore()
    store.put(f"{tmp_path}/corpus/manifest.json", b"{}")
    assert (tmp_path / "corpus" / "manifest.json").read_bytes() == b"{}"
    assert store.get(f"file://{tmp_path}/corpus/manifest.json") == b"{}"
    assert store.list(f"{tmp_path}/corpus/") == [f"{tmp_path}/corpus/manifest.json"]


def test_nothing_but_the_object_remains_of_a_write(tmp_path: Path) -> None:
    FolderStore().put(f"{tmp_path}/object", b"data")
    assert [path.name for path in tmp_path.iterdir()] == ["object"]


def test_a_write_that_was_killed_is_not_listed(tmp_path: Path) -> None:
    (tmp_path / ".partial-0123").write_bytes(b"ha")
    assert FolderStore().list(f"{tmp_path}/") == []


def test_a_failed_write_leaves_the_object_and_no_partial_file(tmp_path: Path) -> None:
    store = FolderStore()
    store.put(f"{tmp_path}/a/b", b"data")
    with pytest.raises(StoreUnavailable, match=f"{tmp_path}/a:"):
        store.put(f"{tmp_path}/a", b"a folder stands here")
    assert store.list(f"{tmp_path}/") == [f"{tmp_path}/a/b"]
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_path_through_an_object_cannot_be_written(tmp_path: Path) -> None:
    store = FolderStore()
    store.put(f"{tmp_path}/a", b"data")
    with pytest.raises(StoreUnavailable, match=f"{tmp_path}/a/b:"):
        store.put(f"{tmp_path}/a/b", b"")


def test_another_scheme_is_refused() -> None:
    with pytest.raises(SpecError, match="s3://bucket/key is no folder"):
        FolderStore().get("s3://bucket/key")
