"""Expressions with boxes, as JSON and as lines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mixatlas.contract.errors import CorpusInvalid
from mixatlas.contract.scoring import box_iou
from mixatlas_trainer.metrics import BOX_PATTERN, read_box
from raw_sources import picture, read_all, reader_of, samples_of, write_json

RECORD: dict[str, Any] = {
    "image": "coco/1.jpg",
    "expression": "the dog on the left",
    "bbox": [100, 50, 200, 100],
    "width": 400,
    "height": 200,
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "images" / "coco").mkdir(parents=True)
    (tmp_path / "images" / "coco" / "1.jpg").write_bytes(picture(1, "JPEG", size=(400, 200)))
    return tmp_path


@pytest.mark.parametrize("name", ["refs.json", "refs.jsonl"])
def test_a_box_becomes_four_integers(folder: Path, name: str) -> None:
    write_json(folder / name, [RECORD])
    (sample,) = samples_of(reader_of("Grounding", folder / name, images=folder / "images"))
    assert sample.turns[0].question == "Where is the dog on the left?"
    box = read_box(sample.turns[0].answer, BOX_PATTERN)
    assert box is not None
    assert box_iou(box, [(0.25, 0.25, 0.75, 0.75)]) > 0.99
    assert sample.turns[0].answer == "250 250 749 749"
    assert sample.origin == "coco"


@pytest.mark.parametrize(
    "texts",
    [
        {"expressions": ["a", "b"]},
        {"sentences": [{"sent": "a", "tokens": []}, {"sent": "b"}]},
        {"expression": [{"raw": "a"}, "b"]},
    ],
)
def test_every_expression_is_a_turn(folder: Path, texts: dict[str, Any]) -> None:
    record = {key: value for key, value in RECORD.items() if key != "expression"} | texts
    write_json(folder / "refs.json", [record])
    (sample,) = samples_of(reader_of("Grounding", folder / "refs.json", images=folder / "images"))
    assert [turn.question for turn in sample.turns] == ["Where is a?", "Where is b?"]


def test_columns_may_have_other_names(folder: Path) -> None:
    record = {"file": {"path": "coco/1.jpg"}, "phrase": "x", "box": [0, 0, 400, 200]}
    columns = {"image": "file.path", "expression": "phrase", "bbox": "box"}
    write_json(folder / "refs.json", [record])
    reader = reader_of("Grounding", folder / "refs.json", columns, images=folder / "images")
    (sample,) = samples_of(reader)
    assert sample.turns[0].answer == "0 0 999 999"
    write_json(folder / "refs.json", [RECORD])
    with pytest.raises(CorpusInvalid, match="no column `phrase`"):
        read_all(reader)
