"""Broken lines: each is refused with its place and the reason."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mixatlas.contract.errors import CorpusInvalid
from mixatlas.contract.manifest import Turn
from mixatlas.corpus.lines import ItemLine, SampleLine, read_lines
from raw_corpus import a_sample, write_lines

GOOD: dict[str, Any] = {
    "images": ["a.png"],
    "question": "what ?",
    "answer": "a bird",
    "concept": "photo",
    "task": "vqa",
}
TASKS = "caption, ocr, grounding, detection, vqa, classification, other"


def without(*names: str) -> dict[str, Any]:
    return {key: value for key, value in GOOD.items() if key not in names}


BROKEN_SAMPLES = [
    ("{", "not JSON: Expecting property name enclosed in double quotes at column 2"),
    ("[]", "not a JSON object"),
    ('{"a": 1, "a": 2}', "not JSON: the key 'a' occurs twice"),
    ('{"images": NaN}', "not JSON: NaN is not a number"),
    (without("concept"), "concept: is missing"),
    (without("task"), "task: is missing"),
    (without("answer"), "`answer` is missing"),
    (without("question"), "`question` is missing"),
    (without("question", "answer"), "give either `turns`, or `question` and `answer`"),
    (
        GOOD | {"turns": [{"question": "a", "answer": "b"}]},
        "give either `turns`, or `question` and `answer`",
    ),
    (without("question", "answer") | {"turns": [{"question": "a"}]}, "turns.0.answer: is missing"),
    (GOOD | {"answer": ""}, "answer: must not be empty"),
    (GOOD | {"answer": 7}, "answer: must be text"),
    (GOOD | {"task": "captions"}, f"task: must be one of {TASKS}"),
    (
        GOOD | {"concept": "Photo"},
        "concept: must be lower-case letters, digits and inner hyphens, at most 30",
    ),
    (
        GOOD | {"concept": "../etc"},
        "concept: must be lower-case letters, digits and inner hyphens, at most 30",
    ),
    (GOOD | {"image": "a.png"}, "image: unknown field"),
    (GOOD | {"images": "a.png"}, "images: must be a list"),
    (GOOD | {"images": [1]}, "images.0: must be text"),
    (
        GOOD | {"images": []},
        "concept `text` is for samples without an image, and only for them",
    ),
    (
        GOOD | {"concept": "text"},
        "concept `text` is for samples without an image, and only for them",
    ),
    (json.dumps(GOOD | {"answer": "\ud800"}), "answer: has half of a surrogate pair"),
]
ITEM: dict[str, Any] = {"benchmark": "b", "question": "what ?", "answers": ["a"]}
INVERTED = "a box is [x0, y0, x1, y1] in 0 to 1, with x0 < x1 and y0 < y1"
BROKEN_ITEMS = [
    ({"question": "what ?"}, "benchmark: is missing"),
    (ITEM | {"boxes": [[0.5, 0, 0.2, 1]]}, INVERTED),
    (ITEM | {"boxes": [[0, 0, 2, 1]]}, INVERTED),
    (ITEM | {"boxes": [[0, 0, 1]]}, "boxes.0.3: is missing"),
    (ITEM | {"id": ""}, "id: must not be empty"),
]


def ids(cases: list[tuple[Any, str]]) -> list[str]:
    return [f"{number}-{message[:30]}" for number, (_, message) in enumerate(cases)]


@pytest.mark.parametrize(("line", "message"), BROKEN_SAMPLES, ids=ids(BROKEN_SAMPLES))
def test_broken_sample_is_refused(tmp_path: Path, line: Any, message: str) -> None:
    write_lines(tmp_path / "samples.jsonl", [GOOD, line])
    with pytest.raises(CorpusInvalid) as error:
        list(read_lines(tmp_path / "samples.jsonl", SampleLine))
    assert str(error.value) == f"samples.jsonl:2: {message}"


@pytest.mark.parametrize(("line", "message"), BROKEN_ITEMS, ids=ids(BROKEN_ITEMS))
def test_broken_item_is_refused(tmp_path: Path, line: Any, message: str) -> None:
    write_lines(tmp_path / "items.jsonl", [line])
    with pytest.raises(CorpusInvalid) as error:
        list(read_lines(tmp_path / "items.jsonl", ItemLine))
    assert str(error.value) == f"items.jsonl:1: {message}"


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "samples.jsonl").write_bytes(b'{"answer": "\xff"}\n')
    with pytest.raises(CorpusInvalid, match=r"^samples.jsonl:1: not UTF-8 at byte 12$"):
        list(read_lines(tmp_path / "samples.jsonl", SampleLine))


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CorpusInvalid, match="No such file"):
        list(read_lines(tmp_path / "none.jsonl", SampleLine))


def test_empty_lines_are_passed_over_and_counted(tmp_path: Path) -> None:
    write_lines(tmp_path / "samples.jsonl", ["", a_sample(tmp_path), "  ", a_sample(tmp_path)])
    read = list(read_lines(tmp_path / "samples.jsonl", SampleLine))
    assert [placed.where for placed in read] == ["samples.jsonl:2", "samples.jsonl:4"]


def test_single_question_becomes_a_turn(tmp_path: Path) -> None:
    line = SampleLine.model_validate(GOOD)
    assert line.all_turns == (Turn(question="what ?", answer="a bird"),)
