"""Waiting for processes and for what they write."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

LIMIT_S = 60.0


def until(look: Callable[[], T | None]) -> T:
    """Look again and again until there is something to see, and return it."""
    end = time.monotonic() + LIMIT_S
    while not (seen := look()):
        assert time.monotonic() < end, f"nothing seen within {LIMIT_S:.0f} s"
        time.sleep(0.01)
    return seen


def is_alive(pid: int) -> bool:
    """Tell whether a process runs; one that nobody has waited for has ended."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def children(pid: int) -> list[int]:
    """Return the process ids of a process's children."""
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]
