"""Acceptance: what is refused before any work starts, and what a resume must find again."""

from __future__ import annotations

import json

import pytest

from fakes import MemoryStore
from mixatlas.contract.errors import (
    CorpusInvalid,
    HistoryMismatch,
    InfeasibleSpace,
    MixAtlasError,
    SpecError,
)
from mixatlas.driver.accept import accept
from mixatlas.plan.observed import Accepted
from mixatlas.spec.model import MixtureSearch
from scenario import ROOT, a_corpus, a_document

MANIFEST = "s3://corpora/golden/manifest.json"


@pytest.fixture
def store() -> MemoryStore:
    found = MemoryStore()
    a_corpus(found)
    return found


def take(store: MemoryStore, search: MixtureSearch) -> Accepted:
    return accept(store, search, uid="uid00", root=ROOT, image="i")


def test_what_is_accepted_is_written_once_and_taken_up_again(store: MemoryStore) -> None:
    first = take(store, a_document())
    changed = a_document(proxy__tokens=77_000)
    second = take(store, changed)
    assert store.n_writes == 1
    assert second.search == first.search
    assert second.record == first.record


REFUSED: dict[str, tuple[dict[str, object], type[MixAtlasError], str]] = {
    "domain": (
        {"space__bounds": [{"domain": "chart.vqq"}]},
        SpecError,
        "spec.space.bounds.0.domain",
    ),
    "pattern": (
        {"space__groups": [{"name": "g", "domains": ["screen.*"]}]},
        SpecError,
        "spec.space.groups.0.domains.0",
    ),
    "benchmark": ({"objective__benchmarks": [{"name": "frist"}]}, SpecError, "`first`"),
    "metric": (
        {"objective__benchmarks": [{"name": "first", "metric": "Anls"}]},
        SpecError,
        "TokenNll",
    ),
    "space": (
        {
            "space__bounds": [
                {"domain": d, "max": "0.2"}
                for d in ("chart.caption", "chart.vqa", "photo.caption", "photo.vqa")
            ]
        },
        InfeasibleSpace,
        "at most 0.2",
    ),
    "design": ({"search__initialTrials": 9}, SpecError, "spec.search.initialTrials"),
    "manifest": ({"corpus": {"manifest": "s3://corpora/nope.json"}}, CorpusInvalid, "nope.json"),
    "base": (
        {"proxy__base": {"checkpoint": "s3://models/none"}},
        CorpusInvalid,
        "spec.proxy.base.checkpoint",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_before_anything_is_written(store: MemoryStore, name: str) -> None:
    changes, error, words = REFUSED[name]
    with pytest.raises(error, match=words.replace("*", r"\*")) as caught:
        take(store, a_document(**changes))
    assert len(str(caught.value).splitlines()) > 1, "a remedy follows what is wrong"
    assert store.n_writes == 0


def test_a_manifest_that_is_not_json(store: MemoryStore) -> None:
    store.objects[MANIFEST] = b"<html>"
    with pytest.raises(CorpusInvalid, match=MANIFEST):
        take(store, a_document())


def test_a_corpus_that_changed_under_a_running_search(store: MemoryStore) -> None:
    take(store, a_document())
    plain = json.loads(store.objects[MANIFEST])
    plain["domains"][1]["content"] = "f" * 64
    store.objects[MANIFEST] = json.dumps(plain).encode()
    with pytest.raises(HistoryMismatch, match=r"chart\.vqa changed"):
        take(store, a_document())


def test_a_cell_that_changed_under_a_search_on_one_axis_changed_its_slice(
    store: MemoryStore,
) -> None:
    take(store, a_document(axes=["task"]))
    store.objects[MANIFEST] = store.objects[MANIFEST].replace(b"10000", b"10001")
    with pytest.raises(HistoryMismatch, match="the manifest changed"):
        take(store, a_document(axes=["task"]))
    plain = json.loads(store.objects[MANIFEST])
    plain["domains"][1]["content"] = "f" * 64
    store.objects[MANIFEST] = json.dumps(plain).encode()
    with pytest.raises(HistoryMismatch, match=": vqa changed"):
        take(store, a_document(axes=["task"]))


def test_a_benchmark_that_is_not_the_one_packed(store: MemoryStore) -> None:
    uri = "s3://corpora/golden/benchmarks/first/manifest.json"
    store.objects[uri] = store.objects[uri].replace(b"2.5", b"2.6")
    with pytest.raises(CorpusInvalid, match="checksum differs"):
        take(store, a_document())


def test_a_plain_checkpoint_folder_is_digested(store: MemoryStore) -> None:
    for name in ("config.json", "model.safetensors"):
        store.objects[f"s3://models/m/{name}"] = name.encode()
    document = a_document(proxy__base={"checkpoint": "s3://models/m/"})
    first = take(store, document).base
    assert first is not None
    store.objects["s3://models/m/model.safetensors"] = b"other"
    second = accept(store, document, uid="uid01", root=f"{ROOT}2", image="i").base
    assert second is not None
    assert first.sha256 != second.sha256
