"""Counts of given against found tasks, and what is computed from them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from mixatlas.contract.manifest import TASKS, Task
from mixatlas.corpus.tasks import Confusion, confusion

PAIRS: list[tuple[Task, Task]] = [
    ("vqa", "vqa"),
    ("vqa", "vqa"),
    ("vqa", "ocr"),
    ("ocr", "ocr"),
    ("caption", "vqa"),
]


def test_agreement_is_measured() -> None:
    table = confusion(PAIRS)
    assert table.n == 5
    assert table.counts[TASKS.index("vqa")][TASKS.index("ocr")] == 1
    assert table.counts[TASKS.index("caption")][TASKS.index("vqa")] == 1
    assert table.accuracy == pytest.approx(3 / 5)
    assert table.precision("vqa") == pytest.approx(2 / 3)
    assert table.recall("vqa") == pytest.approx(2 / 3)
    assert table.precision("ocr") == pytest.approx(1 / 2)
    assert table.recall("ocr") == 1
    assert table.recall("caption") == 0


def test_what_nothing_was_counted_for_is_not_measured() -> None:
    table = confusion(PAIRS)
    assert table.precision("caption") is None
    assert table.recall("detection") is None
    assert confusion([]).accuracy is None


def test_tables_of_parts_add_up() -> None:
    assert confusion(PAIRS[:2]) + confusion(PAIRS[2:]) == confusion(PAIRS)
    assert sum([confusion(PAIRS)], Confusion()) == confusion(PAIRS)


def test_labels_are_read_once() -> None:
    def labels() -> Iterator[tuple[Task, Task]]:
        yield from itertools.repeat(("vqa", "vqa"), 100_000)

    assert confusion(labels()).n == 100_000
