"""Global batches made ready beside the training: decoded and collated ahead, in a process.

A thread would not do: what it computes in Python holds the interpreter, for which the training
thread asks hundreds of times a step.
"""

from __future__ import annotations

import multiprocessing
import queue
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from multiprocessing.connection import Connection
from typing import final

from mixatlas_trainer.batches import BatchPlanner, GlobalBatch, PlannerState
from mixatlas_trainer.collate import Collator, MicroBatch

_AHEAD = 2
_FORK = multiprocessing.get_context("fork")  # tokenizer and libraries are loaded already


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadyBatch:
    """A global batch as arrays.

    Attributes:
        micro: Forward passes of about equal size.
        tokens: Manifest tokens taken from each domain.
        samples: Samples taken from each domain.
        supervised: Labels of each domain.
        total: Manifest tokens up to and including this batch.
        after: The planner's state once this batch is trained.
    """

    micro: tuple[MicroBatch, ...]
    tokens: Counter[int]
    samples: Counter[int]
    supervised: Counter[int]
    total: int
    after: PlannerState


def make_ready(batch: GlobalBatch, collator: Collator, micro_batch: int) -> ReadyBatch:
    """Collate a global batch into the least number of forward passes, evenly filled.

    Args:
        batch: From the planner.
        collator: Decodes and pads.
        micro_batch: Most samples of a forward pass.

    Raises:
        CorpusInvalid: As `Collator.samples`.
    """
    n, n_passes = len(batch.samples), -(-len(batch.samples) // micro_batch)
    bounds = [n * number // n_passes for number in range(n_passes + 1)]
    micro = tuple(collator.samples(batch.samples[start:stop]) for start, stop in pairwise(bounds))
    tokens: Counter[int] = Counter()
    for sample in batch.samples:
        tokens[sample.domain] += sample.record.tokens
    supervised: Counter[int] = Counter()
    for part in micro:
        supervised.update(part.n_supervised)
    return ReadyBatch(
        micro=micro,
        tokens=tokens,
        samples=Counter(sample.domain for sample in batch.samples),
        supervised=supervised,
        total=batch.total,
        after=batch.after,
    )


class FeedEnded(RuntimeError):
    """The process that reads samples was killed, for instance for its memory."""


@final
class Feed:
    """Iterates over ready batches until the budget is used up.

    The budget ends with the first batch at or over it. What fails in the process is raised to
    whoever asks for the next batch. The process ends with the feed, and with its parent: nobody
    reads from it any more.

    Args:
        planner: At the place where training starts. It is advanced in the process only, and must
            not have given a sample before: threads that fetch ahead do not survive the fork.
        collator: Decodes and pads.
        micro_batch: Most samples of a forward pass.
        budget: Manifest tokens of the trial.
        done: Manifest tokens already trained.
    """

    def __init__(
        self,
        planner: BatchPlanner,
        collator: Collator,
        *,
        micro_batch: int,
        budget: int,
        done: int,
    ) -> None:
        self._planner = planner
        self._collator = collator
        self._micro_batch = micro_batch
        self._budget = budget
        self._done = done
        self._incoming, self._outgoing = _FORK.Pipe(duplex=False)
        self._process = _FORK.Process(target=self._fill, name="feed", daemon=True)
        self._ready: queue.Queue[ReadyBatch | BaseException | None] = queue.Queue(_AHEAD)
        self._closed = threading.Event()
        self._receiver = threading.Thread(target=self._receive, name="feed", daemon=True)

    def __iter__(self) -> Iterator[ReadyBatch]:
        """Start the process and yield what it makes.

        Raises:
            CorpusInvalid: As `BatchPlanner.next_batch` and `Collator.samples`.
            FeedEnded: The process was killed.
        """
        self._process.start()
        self._outgoing.close()
        self._receiver.start()
        while (ready := self._ready.get()) is not None:
            if isinstance(ready, BaseException):
                raise ready
            yield ready

    def close(self) -> None:
        """End the process after its current batch. Batches made ready are dropped."""
        self._closed.set()
        while self._receiver.is_alive():
            with suppress(queue.Empty):
                self._ready.get(timeout=0.05)
        self._outgoing.close()
        self._incoming.close()
        if self._process.pid is not None:
            self._process.join()

    def _receive(self) -> None:
        """Take batches out of the pipe, so that the process goes on with the next one."""
        received: ReadyBatch | BaseException | None = None
        while not self._closed.is_set():
            try:
                received = self._incoming.recv()
            except EOFError:
                self._process.join()
                received = FeedEnded(
                    f"the process that reads samples ended with {self._process.exitcode}"
                )
            self._ready.put(received)
            if not isinstance(received, ReadyBatch):
                return

    def _fill(self) -> None:
        """Make batches in the process."""
        # A signal to the whole group is the trainer's to handle; this process ends by its pipe.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self._incoming.close()
        with suppress(BrokenPipeError):
            try:
                self._send_batches(self._outgoing)
            except BrokenPipeError:
                raise
            except BaseException as error:
                # Raised again in the training thread, which asks for the next batch.
                self._outgoing.send(error)

    def _send_batches(self, outgoing: Connection) -> None:
        total = self._done
        while total < self._budget:
            batch = self._planner.next_batch()
            total = batch.total
            outgoing.send(make_ready(batch, self._collator, self._micro_batch))
        outgoing.send(None)
