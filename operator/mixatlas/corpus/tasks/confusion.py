"""Given tasks against the rules' tasks: a table of counts, whatever the number of samples."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mixatlas.contract.manifest import TASKS, Task

_PLACE = {task: place for place, task in enumerate(TASKS)}
_NONE = tuple((0,) * len(TASKS) for _ in TASKS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Confusion:
    """Counts of (given task, rules' task).

    Args:
        counts: A row for each given task and a column for each of the rules', in the order of
            `TASKS`.
    """

    counts: tuple[tuple[int, ...], ...] = _NONE

    def __add__(self, other: Confusion) -> Confusion:
        pairs = zip(self.counts, other.counts, strict=True)
        return Confusion(
            counts=tuple(
                tuple(one + two for one, two in zip(mine, theirs, strict=True))
                for mine, theirs in pairs
            )
        )

    @property
    def n(self) -> int:
        """All that was counted."""
        return sum(map(sum, self.counts))

    @property
    def accuracy(self) -> float | None:
        """Share where both agree, None where nothing was counted."""
        return _share(sum(row[place] for place, row in enumerate(self.counts)), self.n)

    def precision(self, task: Task) -> float | None:
        """Of what the rules call so, the share that is; None where they call nothing so."""
        place = _PLACE[task]
        return _share(self.counts[place][place], sum(row[place] for row in self.counts))

    def recall(self, task: Task) -> float | None:
        """Of what is so, the share that the rules call so; None where nothing is."""
        place = _PLACE[task]
        return _share(self.counts[place][place], sum(self.counts[place]))


def confusion(labels: Iterable[tuple[Task, Task]]) -> Confusion:
    """Count pairs of (given task, rules' task). Reads once and keeps nothing but the counts."""
    counts = [[0] * len(TASKS) for _ in TASKS]
    for given, found in labels:
        counts[_PLACE[given]][_PLACE[found]] += 1
    return Confusion(counts=tuple(map(tuple, counts)))


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
