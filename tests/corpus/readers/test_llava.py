"""LLaVA's JSON, as an array and as lines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mixatlas.contract.errors import CorpusInvalid
from mixatlas.contract.manifest import Turn
from mixatlas.corpus.raw import RawSample
from raw_sources import (
    a_chat,
    picture,
    read_all,
    reader_of,
    samples_of,
    told,
    write_json,
    write_pictures,
)

NAMES = ("coco/train2017/1.jpg", "ocr_vqa/images/2.jpg", "3.png")
RECORDS: list[dict[str, Any]] = [
    {
        "id": "000000033471",
        "image": NAMES[0],
        "conversations": a_chat("<image>\nWhat is it?", "A bus.", "Its colour?", "Red. "),
    },
    {
        "id": 7,
        "image": [NAMES[1], NAMES[2]],
        "conversations": a_chat("<image><image>\nSame?", "no"),
    },
    {"id": "t", "conversations": a_chat("Hello", "Hi")},
    {"id": "n", "image": NAMES[2], "conversations": a_chat("What is it?", "A bus.")},
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_pictures(tmp_path / "images", *NAMES)
    return tmp_path


@pytest.mark.parametrize("name", ["llava.json", "llava.jsonl"])
def test_conversations_and_images_are_read(folder: Path, name: str) -> None:
    write_json(folder / name, RECORDS)
    found = samples_of(reader_of("Llava", folder / name, images=folder / "images"))
    places = ["[0]", "[1]", "[2]", "[3]"] if name.endswith("json") else [":1", ":2", ":3", ":4"]
    assert [sample.where for sample in found] == [name + place for place in places]
    assert found[0].turns == (
        Turn(question="What is it?", answer="A bus."),
        Turn(question="Its colour?", answer="Red."),
    )
    assert [image.name for image in found[1].images] == [NAMES[1], NAMES[2]]
    assert found[1].images[1].content == (folder / "images" / NAMES[2]).read_bytes()
    assert found[1].turns == (Turn(question="Same?", answer="no"),)
    assert found[2].images == ()
    assert [sample.origin for sample in found] == ["coco", "ocr_vqa", "", ""]
    assert {(sample.concept, sample.task) for sample in found} == {(None, None)}


def test_a_placeholder_inside_a_text_leaves_one_blank(folder: Path) -> None:
    chat = a_chat("Is <image>  like\n<image>\n  this?", "yes")
    write_json(folder / "a.json", [{"image": list(NAMES[:2]), "conversations": chat}])
    (sample,) = samples_of(reader_of("Llava", folder / "a.json", images=folder / "images"))
    assert sample.turns[0].question == "Is like\nthis?"


def test_columns_may_have_other_names_and_lie_deeper(folder: Path) -> None:
    record = {
        "picture": {"path": NAMES[2]},
        "meta": {"kind": "vqa", "from": ["charts"]},
        "label": "chart",
        "q": "How many?",
        "a": "7",
        "conversations": [],
    }
    columns = {
        "image": "picture.path",
        "question": "q",
        "answer": "a",
        "task": "meta.kind",
        "concept": "label",
        "origin": "meta.from.0",
    }
    write_json(folder / "a.jsonl", [record])
    (sample,) = samples_of(
        reader_of("Llava", folder / "a.jsonl", columns, images=folder / "images")
    )
    assert sample.turns == (Turn(question="How many?", answer="7"),)
    assert (sample.task, sample.concept, sample.origin) == ("vqa", "chart", "charts")
    assert sample.images[0].content == picture(2)


def test_what_comes_before_the_first_question_is_left_out(folder: Path) -> None:
    chat = [{"from": "system", "value": "Be kind."}, *a_chat("Hello", "Hi")]
    write_json(folder / "a.json", [{"conversations": chat}])
    (sample,) = samples_of(reader_of("Llava", folder / "a.json"))
    assert sample.turns == (Turn(question="Hello", answer="Hi"),)


def test_a_column_that_the_source_lacks_is_refused_before_any_sample(folder: Path) -> None:
    write_json(folder / "a.json", RECORDS)
    reader = reader_of("Llava", folder / "a.json", {"concept": "conversation"})
    with pytest.raises(CorpusInvalid, match="no column `conversation`") as error:
        read_all(reader)
    assert error.value.hint == "did you mean `conversations`?"


def test_a_column_that_one_sample_lacks_breaks_that_sample(folder: Path) -> None:
    write_json(folder / "a.json", [RECORDS[2] | {"kind": "chat"}, RECORDS[2]])
    found = read_all(reader_of("Llava", folder / "a.json", {"task": "kind"}))
    assert told(found) == ["a.json[0]", "a.json[1]: has no `kind`, which is its task"]


def test_the_first_sample_comes_before_the_file_ends(folder: Path) -> None:
    write_json(folder / "a.json", RECORDS[2:3] * 2000)
    whole = (folder / "a.json").read_bytes()
    (folder / "a.json").write_bytes(whole[:-20])
    reader = reader_of("Llava", folder / "a.json")
    (unit,) = reader.units(1)
    assert isinstance(next(iter(reader.read(unit, 1))), RawSample)
    *places, last = told(read_all(reader))
    assert places == [f"a.json[{index}]" for index in range(1999)]
    assert last == "a.json[1999]: the file breaks off here"
