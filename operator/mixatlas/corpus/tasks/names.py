"""The seven tasks by name, and what to write instead of their synonyms."""

from __future__ import annotations

from typing import Annotated, cast

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

from mixatlas.contract.manifest import TASKS, Task
from mixatlas.spec.messages import NOT_A_CHOICE

MEANINGS: dict[Task, str] = {
    "caption": "The answer describes the picture, or a region or part of it, in free words.",
    "ocr": "The answer is text of the picture as it stands there, also as markup or as fields.",
    "grounding": "The answer gives the place, as box, point or mask, of what the question or the "
    "answer itself refers to.",
    "detection": "The answer gives a box for each object, of all classes or of those named.",
    "vqa": "The answer is a fact that was asked for: also one read off a chart, a table or a page, "
    "a choice, yes or no, and reasoning about them.",
    "classification": "The answer is the class of the picture, or of what it mainly shows.",
    "other": "All else: no picture, code that draws it, stories, questions to be made up.",
}
_SYNONYMS: dict[str, tuple[str, ...]] = {
    "caption": ("captioning", "captions", "description", "describe", "imagecaptioning"),
    "ocr": ("text", "reading", "transcription", "document", "docs", "textrecognition"),
    "grounding": (
        "refer",
        "referring",
        "rec",
        "localization",
        "localisation",
        "refexp",
        "pointing",
    ),
    "detection": ("detect", "od", "objectdetection", "boxes"),
    "vqa": ("qa", "visualquestionanswering", "questionanswering", "question", "multiplechoice"),
    "classification": ("classify", "class", "cls", "category", "label", "recognition"),
    "other": ("none", "misc", "unknown", "rest", "textonly", "chat"),
}
_TASK_OF = {word: task for task, words in _SYNONYMS.items() for word in (task, *words)}


def check_task(name: object) -> Task:
    """Return a task's name as it is.

    Raises:
        ValueError: It is none of the seven; the message says what to write instead.
    """
    if isinstance(name, str) and name in TASKS:
        return name
    message = f"must be one of {', '.join(TASKS)}, not {str(name)[:40]!r}"
    meant = suggest_task(name)
    raise ValueError(f"{message}; write {meant!r}" if meant else message)


def suggest_task(name: object) -> Task | None:
    """Return the task that a synonym or another spelling means, None where nobody can say."""
    if not isinstance(name, str):
        return None
    letters = "".join(character for character in name[:64].lower() if character.isalpha())
    return cast("Task | None", _TASK_OF.get(letters))


def _task_of_document(name: object) -> Task:
    try:
        return check_task(name)
    except ValueError as error:
        context = {"words": str(error), "meant": suggest_task(name)}
        raise PydanticCustomError(NOT_A_CHOICE, "{words}", context) from error


TaskName = Annotated[Task, BeforeValidator(_task_of_document)]
"""A task in a document, refused with a remedy."""
