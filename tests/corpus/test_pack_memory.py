"""Packing a corpus that is larger than the memory it takes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from raw_corpus import a_sample, write_raw

PACK = r"""
import re, sys
from pathlib import Path
from mixatlas.corpus import pack
folder = Path(sys.argv[1])
pack(folder / "samples.jsonl", folder / "out", config=folder / "pack.yaml")
# Not getrusage: its peak is inherited from the process that started this one.
print(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1])
"""


def peak_mib(folder: Path, n_lines: int) -> float:
    """Pack lines of 16 kB in a process of its own; return its peak memory in MiB."""
    line = a_sample(folder, answer="x" * 16_000)
    write_raw(folder, ({**line, "id": str(number)} for number in range(n_lines)))
    run = [sys.executable, "-c", PACK, str(folder)]
    return int(subprocess.run(run, check=True, capture_output=True, text=True).stdout) / 1024


@pytest.mark.slow
def test_memory_is_flat(tmp_path: Path) -> None:
    # 72 and 144 MB of text; a run of the sort takes 64.
    small, large = peak_mib(tmp_path / "small", 4_500), peak_mib(tmp_path / "large", 9_000)
    assert large < small + 40
