"""`corpus push`: manifest last, nothing twice."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from mixatlas.contract.errors import CorpusInvalid, SpecError, StoreUnavailable
from mixatlas.corpus import check, pack, push
from raw_corpus import CONFIG, a_sample, an_item, write_raw


class Memory:
    """An object store in memory that may fail after some writes."""

    def __init__(self, fails_after: int | None = None) -> None:
        self.objects: dict[str, bytes] = {}
        self.order: list[str] = []
        self.fails_after = fails_after
        self._lock = threading.Lock()

    def get(self, uri: str) -> bytes | None:
        return self.objects.get(uri)

    def put(self, uri: str, data: bytes) -> None:
        with self._lock:
            if self.fails_after is not None and len(self.order) >= self.fails_after:
                raise StoreUnavailable("no answer")
            self.objects[uri] = data
            self.order.append(uri)

    def list(self, prefix: str) -> list[str]:
        return sorted(uri for uri in self.objects if uri.startswith(prefix))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tmp_path = tmp_path_factory.mktemp("packed")
    lines = [a_sample(tmp_path, n, task="vqa" if n % 2 else "caption") for n in range(8)]
    items = [an_item(tmp_path, number) for number in range(90)]
    config = CONFIG + "benchmarks: [{name: colours, metric: TokenNll}]\n"
    return pack(**write_raw(tmp_path, lines, items=items, config=config)).folder


def test_manifest_comes_last_and_the_copy_is_whole(corpus: Path) -> None:
    store = Memory()
    report = push(corpus, "s3://corpora/demo/", store)
    assert report.manifest == "s3://corpora/demo/manifest.json"
    assert store.order[-1] == report.manifest
    tars = [uri.endswith(".tar") for uri in store.order]
    assert tars == sorted(tars, reverse=True)
    assert check(report.manifest, store).problems == ()
    assert check(report.manifest, store).sha256 == report.sha256


def test_second_push_sends_nothing(corpus: Path) -> None:
    store = Memory()
    first = push(corpus, "s3://corpora/demo", store)
    second = push(corpus, "s3://corpora/demo", store)
    assert (second.uploaded, second.skipped) == (0, first.uploaded)


def test_interrupted_push_leaves_no_manifest_and_goes_on(corpus: Path) -> None:
    store = Memory(fails_after=4)
    with pytest.raises(StoreUnavailable):
        push(corpus, "s3://corpora/demo", store)
    assert "s3://corpora/demo/manifest.json" not in store.objects
    store.fails_after = None
    report = push(corpus, "s3://corpora/demo", store)
    assert report.skipped == 4
    assert check(report.manifest, store).problems == ()


def test_small_file_that_differs_is_sent_again(corpus: Path) -> None:
    store = Memory()
    push(corpus, "s3://corpora/demo", store)
    store.objects["s3://corpora/demo/tokenizer/tokenizer.json"] = b"old"
    assert push(corpus, "s3://corpora/demo", store).uploaded == 1
    assert check("s3://corpora/demo/manifest.json", store).problems == ()


def test_folder_is_no_target(corpus: Path) -> None:
    with pytest.raises(SpecError, match="is not an s3:// URI"):
        push(corpus, "corpora/demo", Memory())


def test_folder_without_manifest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusInvalid, match=r"has no manifest\.json"):
        push(tmp_path, "s3://corpora/demo", Memory())
