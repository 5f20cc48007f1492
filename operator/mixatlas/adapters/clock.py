"""The system's time."""

from __future__ import annotations

import threading
import time
from typing import final


@final
class SystemClock:
    """Wall-clock time, and waits that can be cut short."""

    def __init__(self) -> None:
        self._woken = threading.Event()

    def now(self) -> float:
        """Return seconds since 1970."""
        return time.time()

    def wait(self, seconds: float) -> None:
        """Return after some seconds, or sooner when woken."""
        self._woken.wait(seconds)
        self._woken.clear()

    def wake(self) -> None:
        """End the wait that is under way, or the next one."""
        self._woken.set()
