"""`mixatlas corpus build` of what is broken: a pointed message, and nothing half-written."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from broken_annotations import ANNOTATIONS
from broken_archives import ARCHIVES
from broken_sources import GOOD, LLAVA, raw
from mixatlas.cli import cli, main
from mixatlas.contract.exit_codes import CliExit
from mixatlas.corpus.readers import FORMATS
from raw_corpus import write_tokenizer

BROKEN = {**LLAVA, **ARCHIVES, **ANNOTATIONS}


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tokenizer")
    write_tokenizer(folder)
    return folder


@pytest.fixture
def refusal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[], str]:
    """Builds `corpus.yaml`, which must be refused, and returns what was told."""

    def build() -> str:
        before = set(tmp_path.rglob("*"))
        command = ["corpus", "build", f"{tmp_path}/out", "-f", f"{tmp_path}/corpus.yaml"]
        monkeypatch.setattr(sys, "argv", ["mixatlas", *command])
        with pytest.raises(SystemExit) as end:
            main()
        assert end.value.code == CliExit.INVALID_SPEC
        # What was read to its end is kept for the next build.
        new = {path.name for path in set(tmp_path.rglob("*")) - before}
        read = {"out.parts", "data-00000.tar", "data-00000.tar.json"}
        labelled = {"data-00000.cells", "data-00000.cells.json"}
        assert new in (set(), read, read | labelled)
        return capsys.readouterr().err

    return build


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_source_is_told_and_leaves_nothing(
    name: str, tmp_path: Path, tokenizer: Path, refusal: Callable[[], str]
) -> None:
    broken = BROKEN[name]
    (tmp_path / "data").mkdir()
    broken.write(tmp_path / "data")
    source = {"format": broken.format, "columns": dict(broken.columns)}
    write_document(tmp_path, tokenizer, source, {})
    told = refusal()
    is_of_samples = "samples cannot be used" in broken.message
    assert told.startswith(broken.message if is_of_samples else f"data: {broken.message}")
    assert len(told) < 700


def write_document(
    folder: Path, tokenizer: Path, source: dict[str, Any], changes: dict[str, Any]
) -> None:
    usual = {"name": "data", "format": "Llava", "uri": "data", "concept": "photo"}
    document = {
        "sources": [usual | source],
        "concepts": {"method": "Column"},
        "tokenizer": str(tokenizer),
        "imageTokens": 4,
    }
    (folder / "corpus.yaml").write_text(yaml.dump(document | changes, sort_keys=False))


ITEM = {"benchmark": "a", "question": "x", "answers": ["y"]}
BESIDE: dict[str, tuple[dict[str, Any], dict[str, Any], Any, str]] = {
    "the source is missing": ({"uri": "gone"}, {}, [], "gone: No such file or directory"),
    "its images are missing": ({"images": "gone"}, {}, [], "gone: No such file or directory"),
    "no file of the format": ({"format": "WebDataset"}, {}, [], "no tars among the files"),
    "no tokenizer": ({}, {"tokenizer": "none"}, [], "none: no such folder"),
    "a broken tokenizer": ({}, {"tokenizer": "broken"}, [], "tokenizer.json: "),
    "no items": ({}, {"items": "gone.jsonl"}, [], "gone.jsonl: No such file or directory"),
    "an item of another benchmark": (
        {},
        {},
        ITEM | {"benchmark": "b"},
        "items.jsonl:1: benchmark: 'b' is not in the configuration",
    ),
    "an item's box out of the image": (
        {},
        {},
        ITEM | {"boxes": [[0, 0, 1.5, 1]]},
        "items.jsonl:1: a box is [x0, y0, x1, y1] in 0 to 1",
    ),
    "an item without an answer": ({}, {}, ITEM | {"answers": [""]}, "items.jsonl:1: answers: Anls"),
    "too few items": ({}, {}, ITEM, "benchmark a: 1 of 1 items are in its search half"),
    "more broken than allowed": (
        {"concept": None},
        {"maxBroken": "0.5"},
        ITEM,
        "maxBroken is 0.5:\ndata: a.json[0]: concept: told by neither",
    ),
}


@pytest.mark.parametrize("name", BESIDE)
def test_what_is_wrong_beside_a_source_is_told_and_leaves_nothing(
    name: str, tmp_path: Path, tokenizer: Path, refusal: Callable[[], str]
) -> None:
    source, changes, item, message = BESIDE[name]
    (tmp_path / "data").mkdir()
    raw("a.json", json.dumps([GOOD]).encode())(tmp_path / "data")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "tokenizer.json").write_text("{}")
    (tmp_path / "items.jsonl").write_text(json.dumps(item) + "\n")
    benchmarks = {"benchmarks": [{"name": "a", "metric": "Anls"}], "items": "items.jsonl"}
    write_document(tmp_path, tokenizer, source, benchmarks | changes)
    assert message in refusal()
    if "tokenizer" in changes:  # told before anything is read
        assert not (tmp_path / "out.parts").exists()


def test_each_place_says_which_source_it_is_of(tmp_path: Path, tokenizer: Path) -> None:
    write_document(tmp_path, tokenizer, {}, {})
    document = yaml.safe_load((tmp_path / "corpus.yaml").read_text())
    document["sources"].append(document["sources"][0] | {"name": "more", "uri": "other"})
    (tmp_path / "corpus.yaml").write_text(yaml.dump(document))
    for name in ("data", "other"):
        (tmp_path / name).mkdir()
        raw("a.json", json.dumps([GOOD | {"image": name}]).encode())(tmp_path / name)
    command = ["corpus", "build", f"{tmp_path}/out", "-f", f"{tmp_path}/corpus.yaml"]
    ended = CliRunner().invoke(cli, command)
    listed = "data: a.json[0]: image data: no such file\nmore: a.json[0]: image other: no such file"
    assert listed in str(ended.exception)
    (tmp_path / "other" / "a.json").write_text("")
    ended = CliRunner().invoke(cli, command)
    assert str(ended.exception).startswith("more: a.json: is empty")


def test_a_document_with_a_key_twice_is_refused(
    tmp_path: Path, tokenizer: Path, refusal: Callable[[], str]
) -> None:
    write_document(tmp_path, tokenizer, {}, {})
    with (tmp_path / "corpus.yaml").open("a") as file:
        file.write("imageTokens: 5\n")
    assert refusal().startswith(f"{tmp_path}/corpus.yaml:10:1: imageTokens: the key occurs twice")


def test_a_folder_that_exists_is_left_as_it_is(
    tmp_path: Path, tokenizer: Path, refusal: Callable[[], str]
) -> None:
    write_document(tmp_path, tokenizer, {}, {})
    (tmp_path / "data").mkdir()
    raw("a.json", json.dumps([GOOD]).encode())(tmp_path / "data")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("x")
    assert refusal().startswith(f"{tmp_path}/out exists already")
    assert (tmp_path / "out" / "mine").read_text() == "x"
    assert not (tmp_path / "out.parts").exists()  # told before anything is read


def test_all_formats_are_tried() -> None:
    assert {broken.format for broken in BROKEN.values()} == set(FORMATS)
    assert len(BROKEN) == len(LLAVA) + len(ARCHIVES) + len(ANNOTATIONS) > 100
