"""A polite end: SIGTERM is noted at once and acted on at the next safe point."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import final


class Terminated(Exception):
    """Someone asked this process to end (exit code 143)."""


@final
class Stop:
    """Whether the process was asked to end.

    A handler that raised by itself could tear an optimiser step in two; this one sets a flag.
    As PID 1 a process without a handler would ignore SIGTERM altogether.
    """

    def __init__(self) -> None:
        self._event = threading.Event()

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Take SIGTERM inside the block. Does nothing outside the main thread."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.signal(signal.SIGTERM, self._on_signal)
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, before)

    def request(self) -> None:
        """Ask for the end, as SIGTERM does."""
        self._event.set()

    def check(self) -> None:
        """Raise `Terminated` if the end was asked for. Call it at safe points."""
        if self._event.is_set():
            raise Terminated

    def wait(self, seconds: float) -> None:
        """Sleep, but wake and raise `Terminated` as soon as the end is asked for."""
        self._event.wait(seconds)
        self.check()

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self.request()
