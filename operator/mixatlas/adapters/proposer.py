"""The proposer's worker: one process, one question at a time, with a time limit."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any, Protocol, final

from mixatlas.adapters.processes import die_with_parent
from mixatlas.plan.observed import Failed, Idle, ProposalState, Ready, Running

TIME_LIMIT_S = 600.0


class _Question(Protocol):
    @property
    def key(self) -> str: ...


@final
class WorkerProposer:
    """Answers questions in a process of its own, which is spawned, so that it alone has torch.

    Args:
        function: Picklable; from a question to its answer. It runs in the worker.
        time_limit_s: Seconds after which a question has failed and its worker is killed.
    """

    def __init__(
        self, function: Callable[[Any], Any], *, time_limit_s: float = TIME_LIMIT_S
    ) -> None:
        self._function = function
        self._time_limit_s = time_limit_s
        self._process: SpawnProcess | None = None
        self._pipe: Connection | None = None
        self._state: ProposalState = Idle()
        self._started = 0.0

    def start(self, question: _Question) -> None:
        """Begin to answer; an earlier question is dropped, and its worker with it."""
        if isinstance(self._state, Running):
            self._kill()
        if self._process is None or not self._process.is_alive():
            self._spawn()
        if self._pipe is None:
            raise RuntimeError("the worker has no pipe")
        self._state = Running(question.key)
        self._started = time.monotonic()
        try:
            self._pipe.send(question)
        except OSError:  # it ended since it was looked at
            self._fail(question.key, "the worker closed its pipe")

    def poll(self) -> ProposalState:
        """Return the state of the last question."""
        if not isinstance(self._state, Running) or self._pipe is None or self._process is None:
            return self._state
        key = self._state.key
        try:
            if self._pipe.poll():
                is_answer, value = self._pipe.recv()
                self._state = Ready(key, value) if is_answer else Failed(key, value)
            elif time.monotonic() - self._started > self._time_limit_s:
                self._fail(key, f"no answer within {self._time_limit_s:.0f} s")
        except (EOFError, OSError):
            self._process.join()
            self._fail(key, f"the worker ended with code {self._process.exitcode}")
        return self._state

    def close(self) -> None:
        """End the worker."""
        self._kill()

    def _fail(self, key: str, reason: str) -> None:
        self._kill()
        self._state = Failed(key, reason)

    def _spawn(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(theirs, self._function, os.getpid()), daemon=True
        )
        self._process.start()
        theirs.close()

    def _kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process = None
        if self._pipe is not None:
            self._pipe.close()
            self._pipe = None


def _serve(pipe: Connection, function: Callable[[Any], Any], parent: int) -> None:
    """Answer questions until the pipe closes."""
    die_with_parent(parent)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the driver's to handle
    while True:
        try:
            question = pipe.recv()
        except EOFError:
            return
        try:
            pipe.send((True, function(question)))  # pickled whole before a byte is sent
        except Exception as error:
            pipe.send((False, f"{type(error).__name__}: {error}"))


def _end_with_parent() -> None:
    """End a long answer whose asker is gone, where the kernel does not do it (macOS)."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
