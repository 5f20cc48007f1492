"""Sources in a folder: what is listed, what is read, and that nothing outside it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from mixatlas.corpus.files import FileMissing, LocalFiles


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "data"
    (root / "images").mkdir(parents=True)
    (root / "images" / "1.png").write_bytes(b"one")
    (root / "a.json").write_bytes(b"[]")
    (root / ".cache").mkdir()
    (root / ".cache" / "x").write_bytes(b"")
    (tmp_path / "secret").write_bytes(b"secret")
    return root


def test_files_below_a_folder_are_listed_by_name_without_hidden_ones(folder: Path) -> None:
    found = LocalFiles(folder).list()
    assert [(info.name, info.size) for info in found] == [("a.json", 2), ("images/1.png", 3)]


def test_a_single_file_is_listed_alone(folder: Path) -> None:
    assert [info.name for info in LocalFiles(folder / "a.json").list()] == ["a.json"]


def test_a_file_that_changes_has_another_version(folder: Path) -> None:
    files = LocalFiles(folder / "a.json")
    (before,) = files.list()
    (folder / "a.json").write_bytes(b"{}")
    (after,) = files.list()
    assert before.version != after.version


def test_a_file_is_read_and_lent(folder: Path) -> None:
    files = LocalFiles(folder)
    assert files.read("images/1.png") == files.read("images//./1.png") == b"one"
    with files.on_disk("images/1.png") as path:
        assert path.read_bytes() == b"one"


@pytest.mark.parametrize(
    "name", ["../secret", "images/../../secret", "/etc/hostname", "", ".", "a\0b", "link"]
)
def test_no_name_leads_out_of_the_folder(folder: Path, name: str) -> None:
    (folder / "link").symlink_to(folder.parent / "secret")
    with pytest.raises(FileMissing):
        LocalFiles(folder).read(name)
    with pytest.raises(FileMissing), LocalFiles(folder).on_disk(name):
        pass


@pytest.mark.parametrize("name", ["images/2.png", "images"])
def test_what_is_no_file_is_named(folder: Path, name: str) -> None:
    with pytest.raises(FileMissing, match=name):
        LocalFiles(folder).read(name)
