"""All tables by name, and what is scored on their splits, in processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

from data.synthetic import SYNTHETIC
from data.tables import TABLES, Table

Score = TypeVar("Score")

CHOICES: Mapping[str, Callable[[], Table]] = {**TABLES, **SYNTHETIC}


def on_splits(
    names: Sequence[str], score: Callable[[str, int, int], Score], *, n_splits: int, jobs: int
) -> Iterator[tuple[str, int, list[Score]]]:
    """Yield table, size and the scores of its splits, in order, as they are done.

    Args:
        names: Of tables.
        score: Of a table's name, a size and a split's seed; it can be pickled.
        n_splits: Splits a size, or as many as the table has.
        jobs: Processes.
    """
    with ProcessPoolExecutor(jobs) as pool:
        waiting = []
        for name in names:
            table = CHOICES[name]()
            for size in table.sizes:
                seeds = range(min(n_splits, table.n_splits))
                waiting.append((name, size, [pool.submit(score, name, size, s) for s in seeds]))
        for name, size, splits in waiting:
            yield name, size, [split.result() for split in splits]
