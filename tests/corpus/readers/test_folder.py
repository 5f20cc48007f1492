"""A folder of images beside JSON lines, which the datasets library reads as we do."""

from __future__ import annotations

from pathlib import Path

import datasets

from mixatlas.contract.manifest import Turn
from raw_sources import reader_of, samples_of, write_json, write_pictures


def test_captions_are_those_that_imagefolder_gives(tmp_path: Path) -> None:
    names = [f"train/{number}.png" for number in range(4)]
    write_pictures(tmp_path / "data", *names)
    lines = [{"file_name": f"{n}.png", "text": f"a square of kind {n}"} for n in range(4)]
    write_json(tmp_path / "data" / "train" / "metadata.jsonl", lines)
    found = samples_of(reader_of("Folder", tmp_path / "data"))
    theirs = datasets.load_dataset(
        "imagefolder", data_dir=str(tmp_path / "data"), split="train", cache_dir=str(tmp_path / "c")
    )
    assert {sample.turns[0].answer for sample in found} == set(theirs["text"])
    assert found[2].where == "train/metadata.jsonl:3"
    assert found[2].images[0].content == (tmp_path / "data" / names[2]).read_bytes()


def test_questions_and_turns_are_read(tmp_path: Path) -> None:
    write_pictures(tmp_path, "1.jpg", "2.jpg")
    turns = [{"question": "a", "answer": "b"}, {"question": "c", "answer": "d"}]
    write_json(
        tmp_path / "metadata.jsonl",
        [
            {"file_name": "1.jpg", "question": "What?", "answer": "It.", "kind": "vqa"},
            {"file_name": ["1.jpg", "2.jpg"], "turns": turns, "kind": "other"},
        ],
    )
    one, two = samples_of(reader_of("Folder", tmp_path, {"task": "kind"}))
    assert one.turns == (Turn(question="What?", answer="It."),)
    assert [turn.answer for turn in two.turns] == ["b", "d"]
    assert (len(two.images), one.task, two.task) == (2, "vqa", "other")
