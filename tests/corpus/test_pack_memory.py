"""Packing a corpus that is larger than the memory it takes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from raw_corpus import a_sample, write_raw

PACK = """
import resource, sys
from pathlib import Path
from mixatlas.corpus import pack
folder = Path(sys.argv[1])
pack(folder / "samples.jsonl", folder / "out", config=folder / "pack.yaml")
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def peak_mib(folder: Path, n_lines: int) -> float:
    """Pack lines of 16 kB in a process of its own and return its peak memory in MiB."""
    line = a_sample(folder, answer="square " * 2300)
    write_raw(folder, ({**line, "id": str(number)} for number in range(n_lines)))  # type: ignore[arg-type]
    run = [sys.executable, "-c", PACK, str(folder)]
    return int(subprocess.run(run, check=True, capture_output=True, text=True).stdout) / 1024


@pytest.mark.slow
def test_memory_is_flat(tmp_path: Path) -> None:
    # 128 and 384 MB of text: the larger one does not fit into what the smaller one took.
    small, large = peak_mib(tmp_path / "small", 8_000), peak_mib(tmp_path / "large", 24_000)
    assert large < small + 40
