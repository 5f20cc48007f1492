"""`tasks` of the document: what its rules and sources mean, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from mixatlas.contract.manifest import TASKS
from mixatlas.corpus.lines import explain
from mixatlas.corpus.tasks import TaskRule, TaskSettings, TaskSource
from mixatlas.corpus.tasks.names import check_task, suggest_task
from mixatlas.corpus.tasks.rule import ANSWER_HEAD, read_turn

RULE = {"name": "a", "question": "x", "task": "vqa"}
NAMES = "caption, ocr, grounding, detection, vqa, classification, other"
BROKEN: list[tuple[dict[str, Any], str]] = [
    ({"rules": [{"name": "a", "task": "vqa"}]}, "rules.0: has no condition; give `question`"),
    ({"rules": [{"question": "x", "task": "vqa"}]}, "rules.0.name: is missing"),
    ({"rules": [{"name": "a", "question": "x"}]}, "rules.0.task: is missing"),
    ({"rules": [RULE | {"name": "a b"}]}, "rules.0.name: 'a b' is not a legal name"),
    ({"rules": [RULE, RULE]}, "rules: two rules have the name 'a'"),
    (
        {"rules": [RULE | {"question": "("}]},
        "rules.0.question: not a regular expression: missing )",
    ),
    ({"rules": [RULE | {"answer": "*"}]}, "rules.0.answer: not a regular expression"),
    ({"rules": [RULE | {"question": ""}]}, "rules.0.question: must not be empty"),
    (
        {"rules": [RULE | {"question": "x" * 501}]},
        "rules.0.question: string should have at most 500",
    ),
    ({"rules": [RULE | {"question": "x{99999999999}"}]}, "rules.0.question: not a regular"),
    ({"rules": [RULE | {"minAnswerWords": 0}]}, "rules.0.minAnswerWords: input should be greater"),
    ({"rules": [RULE | {"maxAnswerWords": 201}]}, "rules.0.maxAnswerWords: input should be less"),
    (
        {"rules": [RULE | {"minAnswerWords": 5, "maxAnswerWords": 4}]},
        "rules.0: minAnswerWords 5 is more than maxAnswerWords 4",
    ),
    ({"rules": [RULE | {"pattern": "x"}]}, "rules.0.pattern: unknown field"),
    (
        {"rules": [RULE | {"task": "captioning"}]},
        f"rules.0.task: must be one of {NAMES}, not 'captioning'; write 'caption'",
    ),
    ({"rules": [RULE | {"task": 7}]}, f"rules.0.task: must be one of {NAMES}, not '7'"),
    ({"rules": [RULE | {"name": f"r{n}"} for n in range(257)]}, "rules: tuple should have at most"),
    ({"sources": [{"origin": "", "task": "vqa"}]}, "sources.0.origin: must not be empty"),
    ({"sources": [{"origin": "x" * 201, "task": "vqa"}]}, "sources.0.origin: string should have"),
    ({"sources": [{"origin": "a", "task": "refcoco"}]}, "sources.0.task: must be one of"),
    (
        {"sources": [{"origin": "a", "task": "vqa"}, {"origin": "a", "task": "ocr"}]},
        "sources: two entries have the origin 'a'; the first would always win",
    ),
    ({"turns": "Last"}, "turns: "),
]


@pytest.mark.parametrize(("fields", "message"), BROKEN, ids=[message for _, message in BROKEN])
def test_wrong_field_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as error:
        TaskSettings.model_validate(fields)
    details = error.value.errors()[0]
    place = ".".join(map(str, details["loc"]))
    assert f"{place}: {explain(details)}".startswith(message)


def holds(rule: dict[str, Any], question: str, answer: str) -> bool:
    reading = read_turn(question, answer, has_image=True)
    return TaskRule.model_validate({"name": "a", "task": "ocr"} | rule).holds(reading)


@pytest.mark.parametrize(
    ("rule", "question", "answer", "expected"),
    [
        ({"question": "^which defect"}, "<image>\nWhich defect is it?", "dent", True),
        ({"question": "(?-i:Which)"}, "which defect", "dent", False),
        ({"answer": "^(dent|none)$"}, "", "Dent", True),
        ({"answer": "^(dent|none)$"}, "", "a dent", False),
        ({"maxAnswerWords": 2}, "", "one two", True),
        ({"maxAnswerWords": 2}, "", "one two three", False),
        ({"minAnswerWords": 2}, "", "one two", True),
        ({"minAnswerWords": 2}, "", "one", False),
        ({"maxAnswerWords": 200}, "", "x" * (ANSWER_HEAD + 1), False),
        ({"question": "a", "answer": "b"}, "a", "b", True),
        ({"question": "a", "answer": "b"}, "a", "c", False),
        ({"question": "a", "answer": "b"}, "c", "b", False),
        ({"question": "a", "maxAnswerWords": 1}, "a", "b c", False),
    ],
)
def test_all_conditions_of_a_rule_must_hold(
    rule: dict[str, Any], question: str, answer: str, expected: bool
) -> None:
    assert holds(rule, question, answer) is expected


@pytest.mark.parametrize(
    ("pattern", "origin", "expected"),
    [
        ("ocr_vqa", "ocr_vqa", True),
        ("ocr_vqa", "ocr_vqa/train", False),
        ("ocr_vqa", "OCR_VQA", False),
        ("coco/*", "coco/train/17", True),
        ("coco/*", "coco", False),
        ("*chart*", "fine/chartqa", True),
        ("[ab]?", "b1", True),
        ("*", "", True),
        ("a", "a\n", False),
    ],
)
def test_a_source_is_a_glob(pattern: str, origin: str, expected: bool) -> None:
    source = TaskSource.model_validate({"origin": pattern, "task": "vqa"})
    assert source.covers(origin) is expected


def test_settings_survive_storing() -> None:
    settings = TaskSettings.model_validate(
        {"rules": [RULE], "sources": [{"origin": "a", "task": "ocr"}], "turns": "First"}
    )
    assert settings.rules[0].holds(read_turn("x", "y", has_image=False))
    again = TaskSettings.model_validate(settings.to_plain())
    assert again == settings
    assert again.to_bytes() == settings.to_bytes()


@pytest.mark.parametrize("task", TASKS)
def test_tasks_are_those_of_the_manifest(task: str) -> None:
    assert check_task(task) == task
    assert suggest_task(task.upper()) == task
