"""`mixatlas corpus inspect`: counts, and what is broken with its place."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from PIL import Image

from mixatlas.cli import cli
from mixatlas.contract.errors import SpecError
from mixatlas.corpus import inspect
from mixatlas.corpus.files import LocalFiles


def _sample(image: Any, *answers: str) -> dict[str, Any]:
    turns: list[dict[str, str]] = []
    for answer in answers:
        turns += [{"from": "human", "value": "What is it?"}, {"from": "gpt", "value": answer}]
    return {"id": "1", "conversations": turns} | ({"image": image} if image else {})


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Two usable samples, three turns; one broken."""
    (tmp_path / "coco").mkdir()
    Image.new("RGB", (30, 20)).save(tmp_path / "coco" / "1.png")
    samples = [
        _sample("coco/1.png", "a dog", "a cat"),
        _sample("coco/gone.png", "nothing"),
        _sample(None, "a long answer"),
    ]
    path = tmp_path / "llava.json"
    path.write_text(json.dumps(samples))
    return path


def test_what_a_source_holds_is_counted(source: Path) -> None:
    report = inspect(LocalFiles(source), LocalFiles(source.parent))
    assert report.format == "Llava"
    assert (report.files, report.n_bytes) == (1, source.stat().st_size)
    assert (report.samples, report.turns, report.images, report.without_image) == (2, 3, 1, 1)
    assert (report.widths, report.heights) == ((30, 30), (20, 20))
    assert report.origins["coco"] == 1
    assert sum(report.tasks.values()) == 3
    assert report.longest_answer == len("a long answer")


def test_broken_samples_are_counted_and_the_first_are_named(source: Path) -> None:
    source.write_text(json.dumps([_sample("coco/gone.png", "x")] * 30))
    report = inspect(LocalFiles(source), LocalFiles(source.parent))
    assert (report.samples, report.broken, len(report.broken_samples)) == (0, 30, 20)
    assert report.broken_samples[1].where == "llava.json[1]"
    assert "coco/gone.png" in report.broken_samples[1].reason


def test_a_person_sees_counts_and_places(source: Path) -> None:
    before = sorted(source.parent.rglob("*"))
    ended = CliRunner().invoke(cli, ["corpus", "inspect", str(source)])
    assert ended.exit_code == 0, ended.output
    assert "Llava" in ended.stdout
    assert "30 to 30 pixels wide, 20 to 20 high" in ended.stdout
    assert "llava.json[1]: " in ended.stderr
    assert sorted(source.parent.rglob("*")) == before


def test_a_program_gets_json(source: Path) -> None:
    ended = CliRunner().invoke(cli, ["corpus", "inspect", str(source), "-o", "json"])
    found = json.loads(ended.stdout)
    assert found["samples"] == 2
    assert found["brokenSamples"][0]["where"] == "llava.json[1]"


def test_a_source_that_is_not_there_is_named(tmp_path: Path) -> None:
    ended = CliRunner().invoke(cli, ["corpus", "inspect", str(tmp_path / "none.json")])
    assert ended.exit_code != 0
    assert "none.json: No such file" in str(ended.exception)


def test_a_column_is_a_pair(source: Path) -> None:
    ended = CliRunner().invoke(cli, ["corpus", "inspect", str(source), "--column", "concept"])
    assert ended.exit_code == 2
    assert "is not FIELD=NAME" in ended.output


def test_a_library_that_is_missing_is_named(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("mixatlas.corpus.readers.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(SpecError, match=r"Cauldron needs pyarrow.*\n.*mixatlas\[corpus\]"):
        inspect(LocalFiles(source), LocalFiles(source), format="Cauldron")
