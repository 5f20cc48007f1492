"""Who decided the tasks of a corpus, and what the rules say of turns that were told theirs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from mixatlas.contract.canonical import Record
from mixatlas.contract.manifest import Task
from mixatlas.corpus.tasks.confusion import Confusion, confusion
from mixatlas.corpus.tasks.label import Evidence, LabelledPart, TaskLabel, label_turn
from mixatlas.corpus.tasks.settings import TaskSettings

MAX_COMPARED = 10_000
"""Turns of one part whose given task is compared with the rules'; a turn takes 0.1 to 1 ms."""


class Decision(Record):
    """How many turns one rule decided; the other fields are those of `TaskLabel`."""

    rule: str
    task: Task
    evidence: Evidence
    confidence: float
    turns: int


@dataclass(slots=True)
class Decisions:
    """Counts the decisions about a part's turns.

    Args:
        settings: That the tasks were decided by.
    """

    settings: TaskSettings
    _counts: Counter[TaskLabel] = field(default_factory=Counter)
    _compared: list[tuple[Task, Task]] = field(default_factory=list)

    def note(self, parts: Sequence[LabelledPart]) -> None:
        """Count the turns of a labelled sample."""
        for part in parts:
            has_image = bool(part.sample.images)
            for turn, label in zip(part.sample.turns, part.labels, strict=True):
                self._counts[label] += 1
                is_told = label.evidence in ("given", "source")
                if is_told and len(self._compared) < MAX_COMPARED:
                    found = label_turn(turn, has_image=has_image, settings=self.settings)
                    self._compared.append((label.task, found.task))

    def made(self) -> tuple[Decision, ...]:
        """Return all decisions, the most frequent first."""
        return _ranked(self._counts)

    def confusion(self) -> Confusion:
        """Return what the rules say of the first turns that were told their task."""
        return confusion(self._compared)


def add_up(decisions: Iterable[Decision]) -> tuple[Decision, ...]:
    """Add up what several parts have counted; the most frequent first."""
    counts = Counter[TaskLabel]()
    for made in decisions:
        label = TaskLabel(
            task=made.task, rule=made.rule, confidence=made.confidence, evidence=made.evidence
        )
        counts[label] += made.turns
    return _ranked(counts)


def _ranked(counts: Counter[TaskLabel]) -> tuple[Decision, ...]:
    made = [
        Decision(
            rule=label.rule,
            task=label.task,
            evidence=label.evidence,
            confidence=label.confidence,
            turns=n,
        )
        for label, n in counts.items()
    ]
    return tuple(sorted(made, key=lambda one: (-one.turns, one.evidence, one.rule, one.task)))
