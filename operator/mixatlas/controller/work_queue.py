"""Keys that are due: coalesced, one worker a key at a time, later and later after failures."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import final

FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0


@final
class WorkQueue:
    """Hands out keys to worker threads.

    A key that is added while it is worked on is due again afterwards. Nothing is handed out
    before its time; an earlier time always wins over a later one.

    Args:
        clock: Monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._due: dict[str, float] = {}
        self._busy: dict[str, float] = {}
        self._failures: dict[str, int] = {}
        self._is_closed = False

    def add(self, key: str, after_s: float = 0.0) -> None:
        """Make a key due, now or later."""
        with self._changed:
            when = self._clock() + after_s
            self._due[key] = min(when, self._due.get(key, when))
            self._changed.notify()

    def take(self) -> str | None:
        """Wait for a key that is due; None once the queue is closed."""
        with self._changed:
            while not self._is_closed:
                now = self._clock()
                free = [(when, key) for key, when in self._due.items() if key not in self._busy]
                when, key = min(free, default=(None, ""))
                if when is not None and when <= now:
                    del self._due[key]
                    self._busy[key] = now
                    return key
                self._changed.wait(None if when is None else when - now)
            return None

    def done(self, key: str, *, is_failed: bool = False) -> None:
        """Give a key back. After a failure it is due again, with a growing pause."""
        with self._changed:
            self._busy.pop(key, None)
            failures = self._failures.pop(key, 0)
            if is_failed:
                self._failures[key] = failures + 1
                pause_s = min(FIRST_PAUSE_S * 2.0**failures, LONGEST_PAUSE_S)
                when = self._clock() + pause_s
                self._due[key] = min(when, self._due.get(key, when))
            self._changed.notify_all()

    def close(self) -> None:
        """Let every worker end after its current key."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def is_stuck(self, patience_s: float) -> bool:
        """Tell whether a key has been worked on, or has been overdue, for longer than that.

        A queue without keys that are due is idle, however long.
        """
        with self._changed:
            waiting = [when for key, when in self._due.items() if key not in self._busy]
            oldest = min((*self._busy.values(), *waiting), default=None)
            return oldest is not None and self._clock() - oldest > patience_s

    def depth(self) -> int:
        """Return how many keys are due now."""
        with self._changed:
            now = self._clock()
            return sum(1 for when in self._due.values() if when <= now)
