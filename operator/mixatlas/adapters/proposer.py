"""The proposer's workers: processes with a time limit, of one asker or shared by many."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any, Protocol, final

from mixatlas.adapters.processes import die_with_parent
from mixatlas.plan.observed import Failed, Idle, ProposalState, Ready, Running

TIME_LIMIT_S = 600.0


class _Question(Protocol):
    @property
    def key(self) -> str: ...


def _ignored() -> None:
    """Who polls anyway needs not be told."""


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

    def start(self, question: _Question, on_answer: Callable[[], None] = _ignored) -> None:
        """Begin to answer; an earlier question is dropped, and its worker with it.

        Args:
            question: Picklable.
            on_answer: Called from another thread, once, when `poll` has news.
        """
        if isinstance(self._state, Running):
            self._kill()
        if self._process is None or not self._process.is_alive():
            self._spawn()
        if self._pipe is None:
            raise RuntimeError("the worker has no pipe")
        self._state = Running(question.key)
        self._started = time.monotonic()
        threading.Thread(
            target=_tell, args=(on_answer, self._pipe, self._time_limit_s), daemon=True
        ).start()
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


@final
class ProposerPool:
    """A few workers for many askers, first come, first served.

    A worker holds torch and some hundred MB, so there are fewer of them than searches.

    Args:
        function: As of `WorkerProposer`.
        size: Number of workers; each is spawned when it is first needed.
        time_limit_s: Of a question, counted from when a worker takes it.
    """

    def __init__(
        self,
        function: Callable[[Any], Any],
        *,
        size: int,
        time_limit_s: float = TIME_LIMIT_S,
    ) -> None:
        self._free = [WorkerProposer(function, time_limit_s=time_limit_s) for _ in range(size)]
        self._waiting: list[Seat] = []
        self._lock = threading.Lock()

    def seat(self, on_news: Callable[[], None] = _ignored) -> Seat:
        """Return a proposer of its own for one asker.

        Args:
            on_news: Called from any thread when it is worth the asker's while to poll: a worker
                is free for it, or has answered.
        """
        return Seat(self, on_news)

    def close(self) -> None:
        """End the workers that nobody uses; close the seats first."""
        with self._lock:
            for worker in self._free:
                worker.close()

    def queue(self, seat: Seat) -> None:
        """Put a seat at the end of the line."""
        with self._lock:
            self._waiting.append(seat)

    def leave(self, seat: Seat) -> None:
        """Take a seat out of the line."""
        with self._lock:
            if seat not in self._waiting:
                return
            self._waiting.remove(seat)
        self._call_next()

    def take(self, seat: Seat) -> WorkerProposer | None:
        """Return a worker if one is free and nobody waits longer."""
        with self._lock:
            if seat not in self._waiting[: len(self._free)]:
                return None
            self._waiting.remove(seat)
            return self._free.pop()

    def give_back(self, worker: WorkerProposer) -> None:
        """Make a worker free for the next in line."""
        with self._lock:
            self._free.append(worker)
        self._call_next()

    def _call_next(self) -> None:
        with self._lock:
            served = self._waiting[: len(self._free)]
        for seat in served:
            seat.on_news()


@final
class Seat:
    """One asker's place at a pool: a proposer as the driver needs it."""

    def __init__(self, pool: ProposerPool, on_news: Callable[[], None]) -> None:
        self._pool = pool
        self.on_news = on_news
        self._question: _Question | None = None
        self._worker: WorkerProposer | None = None
        self._state: ProposalState = Idle()

    def start(self, question: _Question) -> None:
        """Begin to answer, when a worker is free; an earlier question is dropped."""
        self.close()
        self._question = question
        self._state = Running(question.key)
        self._pool.queue(self)
        self.poll()

    def poll(self) -> ProposalState:
        """Return the state of the last question."""
        if self._question is not None:
            self._worker = self._pool.take(self)
            if self._worker is not None:
                self._worker.start(self._question, self.on_news)
                self._question = None
        elif self._worker is not None:
            self._state = self._worker.poll()
            if not isinstance(self._state, Running):
                self._pool.give_back(self._worker)
                self._worker = None
        return self._state

    def close(self) -> None:
        """Drop what is being asked."""
        self._pool.leave(self)
        self._question = None
        if self._worker is not None:
            self._worker.close()
            self._pool.give_back(self._worker)
            self._worker = None
        self._state = Idle()


def _tell(on_answer: Callable[[], None], pipe: Connection, limit_s: float) -> None:
    """Call when a pipe has something or has ended, or the time is over: what `poll` looks at."""
    with suppress(OSError):  # the question was dropped, and its pipe closed
        wait([pipe], limit_s)
        on_answer()


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
