"""Sorting more lines than memory holds."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import final

RUN_BYTES = 64 * 2**20


@final
class ExternalSort:
    """Takes byte lines in any order and gives them back sorted.

    Memory holds one run; sorted runs lie in files and are merged. With the default, a thousand
    open files sort 64 GB.

    Args:
        folder: An existing folder for the runs, which the caller removes.
        run_bytes: Size of a run.
    """

    def __init__(self, folder: Path, *, run_bytes: int = RUN_BYTES) -> None:
        self._folder = folder
        self._run_bytes = run_bytes
        self._lines: list[bytes] = []
        self._bytes = 0
        self._runs: list[Path] = []

    def add(self, line: bytes) -> None:
        """Take one line, without its newline and with none inside."""
        self._lines.append(line + b"\n")
        self._bytes += len(line)
        if self._bytes >= self._run_bytes:
            self._flush()

    def __iter__(self) -> Iterator[bytes]:
        self._lines.sort()
        with ExitStack() as stack:
            runs = [stack.enter_context(path.open("rb")) for path in self._runs]
            for line in heapq.merge(self._lines, *runs):
                yield line[:-1]

    def _flush(self) -> None:
        self._lines.sort()
        path = self._folder / f"run-{len(self._runs):05d}"
        with path.open("wb") as file:
            file.writelines(self._lines)
        self._runs.append(path)
        self._lines = []
        self._bytes = 0
