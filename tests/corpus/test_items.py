"""Benchmarks: halves, refusals, chance levels as packed."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from mixatlas.contract.canonical import sha256_hex
from mixatlas.contract.errors import CorpusInvalid
from mixatlas.contract.manifest import BenchmarkManifest, half_of
from mixatlas.corpus import pack
from raw_corpus import CONFIG, a_sample, an_item, write_raw


def config(metric: str) -> str:
    return f"{CONFIG}benchmarks: [{{name: colours, metric: {metric}}}]\n"


def pack_items(folder: Path, items: list[dict[str, Any]], metric: str) -> BenchmarkManifest:
    arguments = write_raw(folder, [a_sample(folder)], items=items, config=config(metric))
    out = pack(**arguments).folder
    path = out / "benchmarks" / "colours" / "manifest.json"
    return BenchmarkManifest.model_validate_json(path.read_bytes())


def test_manifest_has_metric_count_and_chance(tmp_path: Path) -> None:
    items = [an_item(tmp_path, number) for number in range(90)]
    manifest = pack_items(tmp_path, items, "ExactMatch")
    assert manifest.items == 90
    # Two of three answers are "red".
    assert manifest.chance == pytest.approx(2 / 3)


def test_items_lie_in_their_shard_as_written(tmp_path: Path) -> None:
    items = [an_item(tmp_path, number) for number in range(90)]
    manifest = pack_items(tmp_path, items, "TokenNll")
    with tarfile.open(tmp_path / "out/benchmarks/colours" / manifest.shards[0].url) as tar:
        records = [json.loads(tar.extractfile(m).read()) for m in tar if m.name.endswith("json")]  # type: ignore[union-attr]
    assert {record["id"] for record in records} == {f"item-{number}" for number in range(90)}
    assert {tuple(record["images"]) for record in records} == {("0.png",)}


def test_item_without_id_is_named_by_its_content(tmp_path: Path) -> None:
    items = [an_item(tmp_path, number) for number in range(90)]
    for item in items:
        del item["id"]
    assert pack_items(tmp_path, items, "ExactMatch").items == 90


def test_small_half_is_refused(tmp_path: Path) -> None:
    items = [an_item(tmp_path, number) for number in range(120)]
    halves = [half_of(sha256_hex((tmp_path / item["images"][0]).read_bytes())) for item in items]
    search = [item for item, half in zip(items, halves, strict=True) if half == "search"]
    confirm = [item for item, half in zip(items, halves, strict=True) if half == "confirm"]
    with pytest.raises(CorpusInvalid) as error:
        pack_items(tmp_path, search[:30] + confirm[:29], "ExactMatch")
    assert error.value.message == "benchmark colours: 29 of 59 items are in its confirm half"
    assert not (tmp_path / "out").exists()


BROKEN: list[tuple[str, dict[str, Any], str]] = [
    ("ExactMatch", {"benchmark": "colour"}, "benchmark: 'colour' is not in the configuration"),
    ("ExactMatch", {"answers": []}, "answers: ExactMatch needs text to compare with"),
    ("Anls", {"answers": [""]}, "answers: Anls needs text to compare with"),
    ("TokenNll", {"answers": ["a", "b"]}, "answers: TokenNll takes exactly one"),
    ("BoxIou", {}, "boxes: BoxIou needs at least one"),
    ("ExactMatch", {"id": "item-0"}, "id: 'item-0' is the item of items.jsonl:1"),
]


@pytest.mark.parametrize(("metric", "change", "message"), BROKEN, ids=[m for _, _, m in BROKEN])
def test_item_that_does_not_fit_its_metric_is_refused(
    tmp_path: Path, metric: str, change: dict[str, Any], message: str
) -> None:
    boxes = {"boxes": [[0, 0, 1, 1]]} if metric == "BoxIou" else {}
    items = [an_item(tmp_path, 0, **boxes), an_item(tmp_path, 1, **change)]
    with pytest.raises(CorpusInvalid) as error:
        pack_items(tmp_path, items, metric)
    assert (error.value.where, error.value.message) == ("items.jsonl:2", message)


def test_benchmark_without_items_is_refused(tmp_path: Path) -> None:
    two = CONFIG + (
        "benchmarks: [{name: colours, metric: ExactMatch}, {name: shapes, metric: ExactMatch}]\n"
    )
    items = [an_item(tmp_path, number) for number in range(90)]
    arguments = write_raw(tmp_path, [a_sample(tmp_path)], items=items, config=two)
    with pytest.raises(CorpusInvalid, match="benchmark shapes has no items"):
        pack(**arguments)
