"""Global batches made ready beside the training: decoded and collated one ahead, in a thread."""

from __future__ import annotations

import queue
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import final

from mixatlas_trainer.batches import BatchPlanner, GlobalBatch, PlannerState
from mixatlas_trainer.collate import Collator, MicroBatch

_AHEAD = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadyBatch:
    """A global batch as tensors.

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


@final
class Feed:
    """Iterates over ready batches until the budget is used up.

    The budget ends with the first batch at or over it. What fails in the thread is raised to
    whoever asks for the next batch.

    Args:
        planner: At the place where training starts.
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
        self._ready: queue.Queue[ReadyBatch | BaseException | None] = queue.Queue(_AHEAD)
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._fill, name="feed", daemon=True)

    def __iter__(self) -> Iterator[ReadyBatch]:
        self._thread.start()
        while (ready := self._ready.get()) is not None:
            if isinstance(ready, BaseException):
                raise ready
            yield ready

    def close(self) -> None:
        """End the thread after its current batch. Batches made ready are dropped."""
        self._closed.set()
        while self._thread.is_alive():
            try:
                self._ready.get(timeout=0.05)
            except queue.Empty:
                continue

    def _fill(self) -> None:
        try:
            total = self._done
            while total < self._budget and not self._closed.is_set():
                batch = self._planner.next_batch()
                total = batch.total
                self._ready.put(make_ready(batch, self._collator, self._micro_batch))
            self._ready.put(None)
        except BaseException as error:
            # Raised again in the training thread, which asks for the next batch.
            self._ready.put(error)
