"""What every object store promises its driver: in memory, and two real S3 servers."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from binaries import built
from fakes import MemoryStore
from minio_server import MinioServer
from mixatlas.adapters.s3 import S3Settings, S3Store
from mixatlas.contract.errors import StoreForbidden
from mixatlas.driver.ports import ObjectStore
from mixatlas.local.s3_server import S3Server

SERVERS = [pytest.param(name, marks=pytest.mark.slow) for name in ("seaweedfs", "minio")]


@dataclass
class Place:
    """A store and the prefix that is this test's own."""

    store: ObjectStore
    root: str


@pytest.fixture(scope="module")
def seaweedfs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Settings]:
    with S3Server(tmp_path_factory.mktemp("seaweedfs")) as server:
        yield server.settings


@pytest.fixture(scope="module")
def minio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Settings]:
    with MinioServer(tmp_path_factory.mktemp("minio"), built("minio")["minio"]) as server:
        yield server.settings


@pytest.fixture(params=["memory", *SERVERS])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "memory":
        return Place(MemoryStore(), "s3://bucket/own")
    store = S3Store(request.getfixturevalue(request.param))
    return Place(store, f"s3://mixatlas/{tmp_path.name}")


@pytest.fixture(params=SERVERS)
def settings(request: pytest.FixtureRequest) -> S3Settings:
    """Return how to reach a real server: what a store in memory cannot refuse, it does."""
    found: S3Settings = request.getfixturevalue(request.param)
    return found


def test_what_was_never_written_is_absent(place: Place) -> None:
    assert place.store.get(f"{place.root}/nothing") is None


@pytest.mark.parametrize(
    "data",
    [b"", b"text", bytes(range(256)), b"x" * (6 << 20)],
    ids=["empty", "text", "binary", "6-MiB"],
)
def test_an_object_comes_back_as_it_was_written(place: Place, data: bytes) -> None:
    place.store.put(f"{place.root}/object", data)
    assert place.store.get(f"{place.root}/object") == data


def test_a_second_write_replaces_the_first(place: Place) -> None:
    place.store.put(f"{place.root}/object", b"a long first version")
    place.store.put(f"{place.root}/object", b"second")
    assert place.store.get(f"{place.root}/object") == b"second"


@pytest.mark.parametrize("name", ["a b", "größe", "a+b", "50%", "a#b", "a=b&c", ".hidden"])
def test_names_are_taken_as_they_are(place: Place, name: str) -> None:
    uri = f"{place.root}/{name}"
    place.store.put(uri, b"here")
    assert place.store.get(uri) == b"here"
    assert place.store.list(f"{place.root}/") == [uri]


def test_a_list_holds_all_objects_below_a_prefix_in_order(place: Place) -> None:
    names = ["b/2/deep", "a", "b/10", "b/2/a"]
    for name in names:
        place.store.put(f"{place.root}/{name}", b"")
    assert place.store.list(f"{place.root}/") == [f"{place.root}/{name}" for name in sorted(names)]
    assert place.store.list(f"{place.root}/b/2/") == [
        f"{place.root}/b/2/a",
        f"{place.root}/b/2/deep",
    ]


def test_a_prefix_is_text_and_no_folder(place: Place) -> None:
    for name in ("trials/1", "trials/10/a", "trials/2"):
        place.store.put(f"{place.root}/{name}", b"")
    assert place.store.list(f"{place.root}/trials/1") == [
        f"{place.root}/trials/1",
        f"{place.root}/trials/10/a",
    ]


def test_a_list_of_nothing_is_empty(place: Place) -> None:
    assert place.store.list(f"{place.root}/no/such/prefix/") == []


def test_a_list_is_complete_across_pages(place: Place) -> None:
    uris = [f"{place.root}/many/{i:04d}" for i in range(1_100)]
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda uri: place.store.put(uri, b"x"), uris))
    assert place.store.list(f"{place.root}/many/") == uris


def test_a_deleted_object_is_gone_and_its_neighbours_stay(place: Place) -> None:
    place.store.put(f"{place.root}/a/one", b"1")
    place.store.put(f"{place.root}/a/two", b"2")
    place.store.delete(f"{place.root}/a/one")
    assert place.store.get(f"{place.root}/a/one") is None
    assert place.store.list(f"{place.root}/a/") == [f"{place.root}/a/two"]


def test_deleting_what_is_not_there_is_no_error(place: Place) -> None:
    place.store.delete(f"{place.root}/nothing/at/all")


def test_what_has_objects_below_it_is_no_object(place: Place) -> None:
    place.store.put(f"{place.root}/a/b", b"")
    assert place.store.get(f"{place.root}/a") is None


def test_writers_at_once_leave_one_whole_version(place: Place) -> None:
    versions = [bytes([i]) * 50_000 for i in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda data: place.store.put(f"{place.root}/object", data), versions))
    assert place.store.get(f"{place.root}/object") in versions
    assert place.store.list(f"{place.root}/") == [f"{place.root}/object"]


def test_sizes_and_tags_are_told(settings: S3Settings, tmp_path: Path) -> None:
    store = S3Store(settings)
    prefix = f"s3://mixatlas/{tmp_path.name}/"
    store.put(f"{prefix}b", b"12345")
    store.put(f"{prefix}a", b"")
    first = store.stat(prefix)
    store.put(f"{prefix}b", b"54321")
    second = store.stat(prefix)
    assert [(uri, size) for uri, (size, _) in first.items()] == [
        (f"{prefix}a", 0),
        (f"{prefix}b", 5),
    ]
    assert first[f"{prefix}a"] == second[f"{prefix}a"]
    assert first[f"{prefix}b"] != second[f"{prefix}b"]


@pytest.mark.parametrize("wrong", ["access_key", "secret_key"])
def test_wrong_credentials_are_refused_at_once(settings: S3Settings, wrong: str) -> None:
    store = S3Store(replace(settings, **{wrong: "0" * 20}))
    calls = [
        lambda: store.get("s3://mixatlas/key"),
        lambda: store.put("s3://mixatlas/key", b""),
        lambda: store.list("s3://mixatlas/"),
        lambda: store.delete("s3://mixatlas/key"),
    ]
    for call in calls:
        with pytest.raises(StoreForbidden, match=r"InvalidAccessKeyId|SignatureDoesNotMatch"):
            call()


def test_a_missing_bucket_is_named(settings: S3Settings) -> None:
    """SeaweedFS makes it at the first write, so nothing is said of writing."""
    store = S3Store(settings)
    for call in (store.get, store.list, store.delete):
        with pytest.raises(StoreForbidden, match="the bucket nowhere does not exist"):
            call("s3://nowhere/key")


def test_a_bucket_is_made_once(settings: S3Settings) -> None:
    store = S3Store(settings)
    for _ in range(2):
        store.ensure_bucket("another-bucket")
    assert store.list("s3://another-bucket/") == []
