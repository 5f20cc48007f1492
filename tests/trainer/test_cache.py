from __future__ import annotations

import os
from pathlib import Path

import pytest

from mixatlas.contract.canonical import sha256_hex
from mixatlas.contract.errors import CorpusInvalid
from mixatlas_trainer.cache import Cache
from mixatlas_trainer.objects import Objects


class CountingStore:
    """A store of the port `download`, which says how often it was asked."""

    def __init__(self, contents: dict[str, bytes]) -> None:
        self.contents = contents
        self.n_downloads = 0

    def download(self, uri: str, path: Path) -> str:
        self.n_downloads += 1
        path.write_bytes(self.contents[uri])
        return sha256_hex(self.contents[uri])


def cache_of(folder: Path, store: CountingStore, limit: int = 1 << 20) -> Cache:
    return Cache(folder, limit, store)  # type: ignore[arg-type]


def read(descriptor: int) -> bytes:
    with os.fdopen(descriptor, "rb") as file:
        return file.read()


def test_a_file_is_downloaded_once_for_all_processes(tmp_path: Path) -> None:
    store = CountingStore({"s3://b/x": b"abc"})
    for _ in range(2):
        assert read(cache_of(tmp_path, store).open("s3://b/x", sha256_hex(b"abc"))) == b"abc"

    assert store.n_downloads == 1
    assert [p.name for p in tmp_path.iterdir()] == [sha256_hex(b"abc")]


def test_the_oldest_go_first_and_what_is_open_stays_readable(tmp_path: Path) -> None:
    contents = {f"s3://b/{n}": bytes([n]) * 400 for n in range(3)}
    digests = [sha256_hex(content) for content in contents.values()]
    cache = cache_of(tmp_path, CountingStore(contents), limit=1000)
    first = cache.open("s3://b/0", digests[0])
    os.utime(tmp_path / digests[0], (1, 1))
    cache.path("s3://b/1", digests[1])
    cache.path("s3://b/2", digests[2])

    assert {p.name for p in tmp_path.iterdir()} == set(digests[1:])
    assert read(first) == contents["s3://b/0"]


def test_a_file_larger_than_the_limit_is_still_kept(tmp_path: Path) -> None:
    cache = cache_of(tmp_path, CountingStore({"s3://b/x": b"abc"}), limit=1)

    assert cache.path("s3://b/x", sha256_hex(b"abc")).exists()


def test_a_wrong_checksum_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    cache = cache_of(tmp_path, CountingStore({"s3://b/x": b"abd"}))

    with pytest.raises(CorpusInvalid, match="was promised"):
        cache.open("s3://b/x", sha256_hex(b"abc"))
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_cached_file_is_downloaded_again(tmp_path: Path) -> None:
    store = CountingStore({"s3://b/x": b"abc"})
    (tmp_path / sha256_hex(b"abc")).write_bytes(b"abX")

    assert read(cache_of(tmp_path, store).open("s3://b/x", sha256_hex(b"abc"))) == b"abc"
    assert store.n_downloads == 1


def test_an_eviction_by_another_process_is_noticed(tmp_path: Path) -> None:
    store = CountingStore({"s3://b/x": b"abc"})
    cache = cache_of(tmp_path, store)
    cache.path("s3://b/x", sha256_hex(b"abc")).unlink()

    assert read(cache.open("s3://b/x", sha256_hex(b"abc"))) == b"abc"


def test_a_file_on_this_machine_is_read_where_it_lies(tmp_path: Path) -> None:
    source = tmp_path / "x.tar"
    source.write_bytes(b"abc")
    cache = Cache(tmp_path / "cache", 1, Objects({}))

    assert read(cache.open(str(source), sha256_hex(b"abc"))) == b"abc"
    assert list((tmp_path / "cache").iterdir()) == []
    with pytest.raises(CorpusInvalid, match="was promised"):
        Cache(tmp_path / "cache", 1, Objects({})).open(str(source), sha256_hex(b"abd"))
    with pytest.raises(CorpusInvalid, match="does not exist"):
        cache.open(str(tmp_path / "none"), sha256_hex(b"none"))
