"""The order of evidence, and how a sample is divided."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixatlas.contract.errors import CorpusInvalid
from mixatlas.contract.manifest import TASKS, Turn
from mixatlas.corpus.raw import RawImage, RawSample
from mixatlas.corpus.tasks import TaskLabel, TaskSettings, label_sample

IMAGES = (RawImage(name="a.png", content=b"a"), RawImage(name="b.png", content=b"b"))
CAPTION = ("Describe this image.", "A man rides a wave on a surfboard.")
VQA = ("How many birds are there?", "3")
OCR = ("What does the sign say?", "Mind the gap")
BY_HAND = {
    "rules": [{"name": "ours", "question": "describe", "task": "classification"}],
    "sources": [{"origin": "coco/*", "task": "detection"}],
}


def a_sample(*turns: tuple[str, str], **fields: Any) -> RawSample:
    return RawSample(
        where="llava.json[17]",
        turns=tuple(Turn(question=question, answer=answer) for question, answer in turns),
        **({"images": IMAGES} | fields),
    )


def settings(**fields: Any) -> TaskSettings:
    return TaskSettings.model_validate(fields)


def only_label(sample: RawSample, **fields: Any) -> TaskLabel:
    (part,) = label_sample(sample, settings(**fields))
    (label,) = part.labels
    assert part.task == label.task
    return label


def test_the_samples_own_field_comes_first() -> None:
    label = only_label(a_sample(CAPTION, task="ocr", origin="coco/17"), **BY_HAND)
    assert label == TaskLabel(task="ocr", rule="task", confidence=1.0, evidence="given")


def test_then_the_source() -> None:
    label = only_label(a_sample(CAPTION, origin="coco/train/17"), **BY_HAND)
    assert label == TaskLabel(task="detection", rule="coco/*", confidence=1.0, evidence="source")


def test_then_the_users_rules() -> None:
    label = only_label(a_sample(CAPTION, origin="gqa"), **BY_HAND)
    assert label == TaskLabel(task="classification", rule="ours", confidence=1.0, evidence="user")


def test_then_the_built_in_rules() -> None:
    label = only_label(a_sample(CAPTION))
    assert (label.task, label.rule, label.evidence) == ("caption", "caption-template", "built-in")
    assert 0 < label.confidence < 1


def test_then_other() -> None:
    label = only_label(a_sample(("Thank you!", "You are welcome, and have a nice day.")))
    assert label == TaskLabel(task="other", rule="no-rule", confidence=0.0, evidence="none")


def test_without_an_image_the_users_rules_still_hold() -> None:
    assert only_label(a_sample(CAPTION, images=())).task == "other"
    assert only_label(a_sample(CAPTION, images=()), **BY_HAND).task == "classification"


def test_of_several_that_hold_the_documents_first_decides() -> None:
    rules = [{"name": name, "answer": ".", "task": name} for name in ("vqa", "ocr")]
    assert only_label(a_sample(CAPTION), rules=rules).task == "vqa"
    assert only_label(a_sample(CAPTION), rules=rules[::-1]).task == "ocr"
    sources = [{"origin": "coco/*", "task": "vqa"}, {"origin": "*", "task": "ocr"}]
    assert only_label(a_sample(CAPTION, origin="coco/1"), sources=sources).task == "vqa"
    assert only_label(a_sample(CAPTION, origin="coco/1"), sources=sources[::-1]).task == "ocr"


@pytest.mark.parametrize(
    ("task", "hint"),
    [
        ("captioning", "Write 'caption'."),
        ("VQA", "Write 'vqa'."),
        ("visual question answering", "Write 'vqa'."),
        ("object_detection", "Write 'detection'."),
        ("", "Use one of: caption, ocr, grounding, detection, vqa, classification, other"),
        ("x" * 1000, "Use one of: "),
    ],
)
def test_another_name_for_a_task_is_refused(task: str, hint: str) -> None:
    with pytest.raises(CorpusInvalid) as error:
        label_sample(a_sample(CAPTION, task=task), settings())
    assert str(error.value).startswith(f"llava.json[17]: task: {task[:40]!r} is not a task")
    assert hint in error.value.hint


def test_turns_are_divided_by_task() -> None:
    sample = a_sample(CAPTION, VQA, CAPTION, OCR, VQA, origin="mix", concept="street")
    parts = label_sample(sample, settings())
    assert [part.task for part in parts] == ["caption", "vqa", "ocr"]
    assert [part.sample.turns for part in parts] == [
        (sample.turns[0], sample.turns[2]),
        (sample.turns[1], sample.turns[4]),
        (sample.turns[3],),
    ]
    for part in parts:
        assert part.sample.images == IMAGES
        assert (part.sample.where, part.sample.origin) == ("llava.json[17]", "mix")
        assert part.sample.concept == "street"


def test_the_first_turn_may_speak_for_all() -> None:
    sample = a_sample(OCR, VQA, CAPTION)
    (part,) = label_sample(sample, settings(turns="First"))
    assert part.sample == sample
    assert part.task == "ocr"
    assert [label.rule for label in part.labels] == ["what-is-written"] * 3


def test_a_given_task_is_not_divided() -> None:
    sample = a_sample(OCR, VQA, CAPTION, task="vqa")
    (part,) = label_sample(sample, settings())
    assert (part.sample, part.task, len(part.labels)) == (sample, "vqa", 3)


@given(st.lists(st.sampled_from([CAPTION, VQA, OCR, ("Hi!", "Hello to you.")]), min_size=1))
def test_every_turn_is_in_one_part(turns: list[tuple[str, str]]) -> None:
    numbered = [(question, f"{answer} ") for question, answer in turns]
    sample = a_sample(*numbered)
    parts = label_sample(sample, settings())
    assert len({part.task for part in parts}) == len(parts)
    kept = [turn for part in parts for turn in part.sample.turns]
    assert sorted(map(id, kept)) == sorted(map(id, sample.turns))
    for part in parts:
        places = [
            next(i for i, t in enumerate(sample.turns) if t is turn) for turn in part.sample.turns
        ]
        assert places == sorted(places)
        assert {label.task for label in part.labels} == {part.task}
        assert len(part.labels) == len(part.sample.turns)
        assert part.task in TASKS
