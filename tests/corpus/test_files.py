"""Sources in a folder: what is listed, what is read, and that nothing outside it is."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import cast

import pytest

from mixatlas.adapters.s3 import S3Store
from mixatlas.corpus.files import LARGEST_READ, FileMissing, LocalFiles, StoreFiles
from raw_sources import Objects


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


def test_a_file_is_read_and_opened(folder: Path) -> None:
    files = LocalFiles(folder)
    assert files.read("images/1.png") == files.read("images//./1.png") == b"one"
    with files.open("images/1.png") as file:
        assert file.read() == b"one"


@pytest.mark.parametrize(
    "name",
    [
        "../secret",
        "images/../../secret",
        "/etc/hostname",
        "",
        ".",
        "a\0b",
        "\ud800",
        "link",
        "loop",
    ],
)
def test_no_name_leads_out_of_the_folder(folder: Path, name: str) -> None:
    (folder / "link").symlink_to(folder.parent / "secret")
    (folder / "loop").symlink_to(folder / "loop")
    with pytest.raises(FileMissing):
        LocalFiles(folder).read(name)
    with pytest.raises(FileMissing):
        LocalFiles(folder).open(name)


@pytest.mark.parametrize("name", ["images/2.png", "images", "x" * 300])
def test_what_is_no_file_is_named(folder: Path, name: str) -> None:
    with pytest.raises(FileMissing, match=name):
        LocalFiles(folder).read(name)


def test_a_file_too_large_for_a_shard_is_not_read_whole(folder: Path) -> None:
    with (folder / "large").open("wb") as file:
        file.truncate(LARGEST_READ + 1)
    with pytest.raises(FileMissing, match="256,000,001 bytes"):
        LocalFiles(folder).read("large")


def test_a_pipe_is_no_file(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    with pytest.raises(FileMissing, match="pipe: no such file"):
        LocalFiles(folder).read("pipe")


def test_a_stored_file_is_read_in_ranges() -> None:
    content = bytes(range(256)) * 2**17  # 32 MiB
    store = Objects({"s3://b/data/x.bin": content, "s3://b/database": b""})
    files = StoreFiles("s3://b/data/", cast("S3Store", store))
    assert [info.name for info in files.list()] == ["x.bin"]
    with files.open("x.bin") as file:
        file.seek(-10, io.SEEK_END)
        assert file.read() == content[-10:]
        assert store.given <= 10
        file.seek(1000)
        assert file.read(500) == content[1000:1500]
        assert store.given < 5 * 2**20
        file.seek(0)
        assert file.read() == content


def test_a_stored_file_that_changes_while_it_is_read_is_not_read_on() -> None:
    store = Objects({"s3://b/data/x": b"x" * 100})
    files = StoreFiles("s3://b/data", cast("S3Store", store))
    store.objects["s3://b/data/x"] = b"x" * 50
    with files.open("x") as file, pytest.raises(FileMissing, match="changed"):
        file.read()


@pytest.mark.parametrize("name", ["y", "../other"])
def test_a_store_has_no_file_of_another_name(name: str) -> None:
    store = Objects({"s3://b/data/x": b"x", "s3://b/other": b"y"})
    files = StoreFiles("s3://b/data", cast("S3Store", store))
    with pytest.raises(FileMissing):
        files.read(name)
    with pytest.raises(FileMissing):
        files.open(name)
