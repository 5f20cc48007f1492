"""`tasks` of the corpus document: the user's rules, the map of sources, and what turns become."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable
from functools import cached_property
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints, field_validator, model_validator

from mixatlas.contract.canonical import Record
from mixatlas.corpus.tasks.names import TaskName
from mixatlas.corpus.tasks.rule import MAX_WORDS, Reading
from mixatlas.spec.names import Name

MAX_RULES = 256
MAX_SOURCES = 1_024
MAX_PATTERN = 500


def _check_regex(pattern: str) -> str:
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"not a regular expression: {error}") from error
    return pattern


Regex = Annotated[
    str, StringConstraints(min_length=1, max_length=MAX_PATTERN), AfterValidator(_check_regex)
]
Glob = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Words = Annotated[int, Field(ge=1, le=MAX_WORDS)]


class TaskRule(Record):
    """A rule of the user: all conditions must hold. Patterns are searched, whatever the case."""

    name: Name
    question: Regex | None = None
    answer: Regex | None = None
    min_answer_words: Words | None = None
    max_answer_words: Words | None = None
    task: TaskName

    @model_validator(mode="after")
    def _has_conditions(self) -> TaskRule:
        least, most = self.min_answer_words, self.max_answer_words
        if all(condition is None for condition in (self.question, self.answer, least, most)):
            raise ValueError(
                "has no condition; give `question`, `answer`, `minAnswerWords` or `maxAnswerWords`"
            )
        if least is not None and most is not None and least > most:
            raise ValueError(f"minAnswerWords {least} is more than maxAnswerWords {most}")
        return self

    @cached_property
    def _patterns(self) -> tuple[re.Pattern[str] | None, re.Pattern[str] | None]:
        question, answer = (
            re.compile(pattern, re.IGNORECASE) if pattern is not None else None
            for pattern in (self.question, self.answer)
        )
        return question, answer

    def holds(self, turn: Reading) -> bool:
        """Whether all conditions hold for a turn."""
        question, answer = self._patterns
        return (
            (self.min_answer_words or 0) <= turn.n_words <= (self.max_answer_words or turn.n_words)
            and (question is None or question.search(turn.question) is not None)
            and (answer is None or answer.search(turn.answer) is not None)
        )


class TaskSource(Record):
    """A dataset that has one task. `origin` is a glob over what the sample's source tells of it."""

    origin: Glob
    task: TaskName

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile(fnmatch.translate(self.origin))

    def covers(self, origin: str) -> bool:
        """Whether a sample's origin matches; `*` also stands for slashes."""
        return self._pattern.match(origin) is not None


class TaskSettings(Record):
    """How turns get their task. `Split` divides a sample by task, `First` asks its first turn."""

    rules: tuple[TaskRule, ...] = Field((), max_length=MAX_RULES)
    sources: tuple[TaskSource, ...] = Field((), max_length=MAX_SOURCES)
    turns: Literal["Split", "First"] = "Split"

    @field_validator("rules")
    @classmethod
    def _names_differ(cls, rules: tuple[TaskRule, ...]) -> tuple[TaskRule, ...]:
        twice = _first_twice(rule.name for rule in rules)
        if twice is not None:
            raise ValueError(f"two rules have the name {twice!r}")
        return rules

    @field_validator("sources")
    @classmethod
    def _origins_differ(cls, sources: tuple[TaskSource, ...]) -> tuple[TaskSource, ...]:
        twice = _first_twice(source.origin for source in sources)
        if twice is not None:
            raise ValueError(f"two entries have the origin {twice!r}; the first would always win")
        return sources


def _first_twice(names: Iterable[str]) -> str | None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None
