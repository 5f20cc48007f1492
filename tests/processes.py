"""Waiting for processes and for what they write."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

LIMIT_S = 180.0


def until(look: Callable[[], T | None], seconds: float = LIMIT_S) -> T:
    """Look again and again until there is something to see, and return it."""
    end = time.monotonic() + seconds
    while not (seen := look()):
        assert time.monotonic() < end, f"nothing seen within {seconds:.0f} s"
        time.sleep(0.01)
    return seen


def is_alive(pid: int) -> bool:
    """Tell whether a process runs; one that nobody has waited for has ended.

    The first thread of a killed process is a zombie before its other threads are gone, and
    only when they are can anybody wait for it.
    """
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        return state != "Z" or len(list(Path(f"/proc/{pid}/task").iterdir())) > 1
    except (FileNotFoundError, ProcessLookupError):
        return False


def children(pid: int) -> list[int]:
    """Return the process ids of a process's children."""
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]


def end(process: subprocess.Popen[bytes], seconds: float = 20) -> None:
    """Ask a process to end, and kill it if it does not."""
    process.terminate()
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
