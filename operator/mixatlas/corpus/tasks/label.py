"""Turns → tasks, by the order of evidence; samples → parts of one task each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from mixatlas.contract.errors import CorpusInvalid
from mixatlas.contract.manifest import TASKS, Task, Turn
from mixatlas.corpus.raw import RawSample
from mixatlas.corpus.tasks.built_in import first_rule
from mixatlas.corpus.tasks.names import check_task, suggest_task
from mixatlas.corpus.tasks.rule import read_turn
from mixatlas.corpus.tasks.settings import TaskSettings

Evidence = Literal["given", "source", "user", "built-in", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskLabel:
    """A decision.

    Args:
        task: Of the turn.
        rule: Who decided: the rule's name, the source's pattern, `task` for the sample's own
            field, `no-rule`.
        confidence: In 0 to 1; 1 for what people said, a built-in rule's own, 0 for `no-rule`.
        evidence: Of which kind it is.
    """

    task: Task
    rule: str
    confidence: float
    evidence: Evidence


NO_RULE = TaskLabel(task="other", rule="no-rule", confidence=0.0, evidence="none")


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledPart:
    """Turns of one sample that have one task.

    Args:
        sample: With these turns only, in their order, and all images.
        task: Of all of them.
        labels: The decision for each turn.
    """

    sample: RawSample
    task: Task
    labels: tuple[TaskLabel, ...]


def label_turn(turn: Turn, *, has_image: bool, settings: TaskSettings) -> TaskLabel:
    """Label a turn by its words: the user's rules, the built-in ones, `other`.

    Args:
        turn: Of any size; a bounded head is looked at.
        has_image: Whether the sample has an image. Without one, only the user's rules give a
            task other than `other`.
        settings: The user's rules.
    """
    reading = read_turn(turn.question, turn.answer, has_image=has_image)
    for rule in settings.rules:
        if rule.holds(reading):
            return TaskLabel(task=rule.task, rule=rule.name, confidence=1.0, evidence="user")
    built_in = first_rule(reading)
    if built_in is None:
        return NO_RULE
    return TaskLabel(
        task=built_in.task,
        rule=built_in.name,
        confidence=built_in.confidence,
        evidence="built-in",
    )


def label_sample(sample: RawSample, settings: TaskSettings) -> list[LabelledPart]:
    """Label a sample's turns and divide it by task.

    The sample's own task field decides first, then the map of sources, then each turn's words.

    Args:
        sample: Checked, with at least one turn.
        settings: `tasks` of the document.

    Returns:
        One part a task, in the order of each task's first turn. Every turn is in exactly one.

    Raises:
        CorpusInvalid: The sample's task field is none of the seven tasks.
    """
    whole = _label_of_whole(sample, settings)
    has_image = bool(sample.images)
    if whole is None and settings.turns == "First":
        whole = label_turn(sample.turns[0], has_image=has_image, settings=settings)
    if whole is not None:
        labels = (whole,) * len(sample.turns)
        return [LabelledPart(sample=sample, task=whole.task, labels=labels)]
    return _split(
        sample,
        [label_turn(turn, has_image=has_image, settings=settings) for turn in sample.turns],
    )


def _label_of_whole(sample: RawSample, settings: TaskSettings) -> TaskLabel | None:
    if sample.task is not None:
        task = _given_task(sample.task, sample.where)
        return TaskLabel(task=task, rule="task", confidence=1.0, evidence="given")
    for source in settings.sources:
        if source.covers(sample.origin):
            return TaskLabel(
                task=source.task, rule=source.origin, confidence=1.0, evidence="source"
            )
    return None


def _given_task(name: str, where: str) -> Task:
    try:
        return check_task(name)
    except ValueError as error:
        meant = suggest_task(name)
        hint = f"Write {meant!r}." if meant else f"Use one of: {', '.join(TASKS)}; or leave it out."
        raise CorpusInvalid(f"task: {name[:40]!r} is not a task", hint=hint, where=where) from error


def _split(sample: RawSample, labels: Sequence[TaskLabel]) -> list[LabelledPart]:
    by_task: dict[Task, list[int]] = {}
    for index, label in enumerate(labels):
        by_task.setdefault(label.task, []).append(index)
    return [
        LabelledPart(
            sample=replace(sample, turns=tuple(sample.turns[index] for index in indices)),
            task=task,
            labels=tuple(labels[index] for index in indices),
        )
        for task, indices in by_task.items()
    ]
