"""JSON lines → samples and items, each mistake at its file:line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from mixatlas.contract.canonical import Record
from mixatlas.contract.errors import CorpusInvalid
from mixatlas.contract.manifest import TASKS, AxisValue, Task, Turn

MAX_LINE_BYTES = 16_000_000


class SampleLine(Record):
    """One labelled sample: `turns`, or `question` and `answer` for a single one."""

    images: tuple[str, ...] = ()
    turns: tuple[Turn, ...] = ()
    question: str | None = None
    answer: str | None = Field(None, min_length=1)
    concept: AxisValue
    task: Task
    source: str = ""
    id: str | None = Field(None, min_length=1)

    @model_validator(mode="after")
    def _is_whole(self) -> SampleLine:
        has_single = self.question is not None or self.answer is not None
        if bool(self.turns) == has_single:
            raise ValueError("give either `turns`, or `question` and `answer`")
        if has_single and (self.question is None or self.answer is None):
            missing = "question" if self.question is None else "answer"
            raise ValueError(f"`{missing}` is missing")
        if (self.concept == "text") == bool(self.images):
            raise ValueError("concept `text` is for samples without an image, and only for them")
        return self

    @property
    def all_turns(self) -> tuple[Turn, ...]:
        """The turns, however they were written."""
        if self.question is not None and self.answer is not None:
            return (Turn(question=self.question, answer=self.answer),)
        return self.turns


class ItemLine(Record):
    """One benchmark item. Without `id` its content names it."""

    benchmark: str
    images: tuple[str, ...] = ()
    question: str
    answers: tuple[str, ...] = ()
    boxes: tuple[tuple[float, float, float, float], ...] = ()
    choices: tuple[str, ...] = ()
    id: str | None = Field(None, min_length=1)

    @model_validator(mode="after")
    def _boxes_are_inside(self) -> ItemLine:
        for x0, y0, x1, y1 in self.boxes:
            if not (0 <= x0 < x1 <= 1 and 0 <= y0 < y1 <= 1):
                raise ValueError("a box is [x0, y0, x1, y1] in 0 to 1, with x0 < x1 and y0 < y1")
        return self


LineT = TypeVar("LineT", bound=Record)


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed(Generic[LineT]):
    """A line with its place, such as `samples.jsonl:17`."""

    where: str
    line: LineT


def read_lines(path: Path, model: type[LineT]) -> Iterator[Placed[LineT]]:
    """Read a JSON-lines file, one line in memory at a time. Empty lines are passed over.

    Raises:
        CorpusInvalid: A line cannot be used; it has file:line and says why.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise CorpusInvalid(f"{path}: {error.strerror}", hint="Give a JSON-lines file.") from error
    with file:
        number = 0
        while raw := file.readline(MAX_LINE_BYTES + 1):
            number += 1
            where = f"{path.name}:{number}"
            if len(raw) > MAX_LINE_BYTES:
                raise CorpusInvalid(f"longer than {MAX_LINE_BYTES:,} bytes", where=where)
            if raw.strip():
                yield Placed(where=where, line=_parse(raw, model, where))


def _parse(raw: bytes, model: type[LineT], where: str) -> LineT:
    try:
        data = parse_object(raw)
    except ValueError as error:
        raise CorpusInvalid(str(error), where=where) from error
    try:
        return model.model_validate(data)
    except ValidationError as error:
        details = error.errors()[0]
        path = ".".join(str(part) for part in details["loc"])
        message = f"{path}: {explain(details)}" if path else explain(details)
        raise CorpusInvalid(message, where=where) from error


def parse_object(raw: bytes) -> dict[str, Any]:
    """Parse a JSON object strictly: UTF-8, every key once, no NaN.

    Raises:
        ValueError: It says what is wrong.
    """
    try:
        data = json.loads(
            raw.decode("utf-8").rstrip(),
            object_pairs_hook=_unique_keys,
            parse_constant=_refuse_constant,
        )
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8 at byte {error.start}") from error
    except json.JSONDecodeError as error:
        line = f"line {error.lineno}, " if error.lineno > 1 else ""
        what = error.msg.removesuffix(" at")
        raise ValueError(f"not JSON: {what} at {line}column {error.colno}") from error
    except RecursionError as error:
        raise ValueError("not JSON: nested too deeply") from error
    except ValueError as error:
        raise ValueError(f"not JSON: {error}") from error
    if not isinstance(data, dict):
        raise ValueError("not a JSON object")
    return data


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice!r} occurs twice")
    return data


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not a number")


_CONCEPT_RULE = "must be lower-case letters, digits and inner hyphens, at most 30"
_WORDS = {
    "missing": "is missing",
    "extra_forbidden": "unknown field",
    "string_type": "must be text",
    "string_unicode": "has half of a surrogate pair",
    "string_too_short": "must not be empty",
    "literal_error": f"must be one of {', '.join(TASKS)}",
    "tuple_type": "must be a list",
    "finite_number": "must be a finite number",
}


def explain(details: ErrorDetails) -> str:
    """Say in our words what pydantic found wrong with a field."""
    kind, location = details["type"], details["loc"]
    if kind == "string_pattern_mismatch":
        is_concept = location[-1:] == ("concept",)
        return _CONCEPT_RULE if is_concept else f"{details['input']!r} is not a legal name"
    if kind == "value_error":
        return str(details["ctx"]["error"])
    return _WORDS.get(kind) or f"{details['msg'][0].lower()}{details['msg'][1:]}"
