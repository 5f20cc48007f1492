"""Sorting through files."""

from __future__ import annotations

import random
import tracemalloc
from pathlib import Path

from mixatlas.corpus.external_sort import ExternalSort


def test_runs_on_disk_are_merged(tmp_path: Path) -> None:
    lines = [b"%06d" % number for number in range(1000)] + [b"000007"]
    shuffled = lines[:]
    random.Random(1).shuffle(shuffled)
    sorter = ExternalSort(tmp_path, run_bytes=500)
    for line in shuffled:
        sorter.add(line)
    assert len(list(tmp_path.iterdir())) > 10
    assert list(sorter) == sorted(lines)


def test_memory_does_not_grow_with_the_lines(tmp_path: Path) -> None:
    def peak(n_lines: int, name: str) -> int:
        folder = tmp_path / name
        folder.mkdir()
        sorter = ExternalSort(folder, run_bytes=50_000)
        tracemalloc.start()
        for number in range(n_lines):
            sorter.add(b"%08d" % (number * 7919 % n_lines) * 12)
        assert sum(1 for _ in sorter) == n_lines
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    # Ten times the lines; a merge opens a file a run, with a buffer of some kilobytes each.
    assert peak(10_000, "large") < peak(1_000, "small") + 600_000
