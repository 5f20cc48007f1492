"""`progress.json`: overwritten while a trial runs, at most every ten seconds, never waited for."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Literal, final

from mixatlas.contract.errors import StoreForbidden, StoreUnavailable
from mixatlas.contract.result import Progress
from mixatlas.contract.trial import TrialFile
from mixatlas_trainer.objects import Objects
from mixatlas_trainer.stop import Terminated
from mixatlas_trainer.train import Training

PERIOD_S = 10.0

_LOG = logging.getLogger(__name__)


@final
class ProgressReporter:
    """Writes how far the trial is.

    Losing one is no harm, so nothing is retried here beyond the store's own attempts, and none
    is written while the last one is still on its way.

    Args:
        objects: The store.
        uri: Where `progress.json` lies.
        trial: Its budget and digest stand in each report.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        objects: Objects,
        uri: str,
        trial: TrialFile,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._objects = objects
        self._uri = uri
        self._digest = trial.digest
        self._budget = trial.tokens
        self._clock = clock
        self._started = clock()
        self._last_write = float("-inf")
        self._last_point = (self._started, 0)
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="progress")
        self._pending: Future[None] | None = None

    def report(
        self,
        phase: Literal["loading", "training", "evaluating", "storing"],
        training: Training | None,
    ) -> None:
        """Write the state if ten seconds have passed since the last time. Does not block."""
        now = self._clock()
        if now - self._last_write < PERIOD_S or (self._pending and not self._pending.done()):
            return
        self._last_write = now
        progress = self._progress(phase, training, now)
        self._pending = self._pool.submit(self._write, progress.to_bytes())

    def close(self) -> None:
        """Wait for the last report."""
        self._pool.shutdown(wait=True)

    def _progress(
        self,
        phase: Literal["loading", "training", "evaluating", "storing"],
        training: Training | None,
        now: float,
    ) -> Progress:
        tokens = training.tally.total if training else 0
        then, tokens_then = self._last_point
        # The first report of a resumed trial would count what an earlier attempt trained.
        rate = (tokens - tokens_then) / (now - then) if tokens_then and now > then else 0.0
        self._last_point = (now, tokens)
        return Progress(
            trial_digest=self._digest,
            phase=phase,
            step=training.tally.step if training else 0,
            tokens=tokens,
            total_tokens=self._budget,
            tokens_per_second=max(0.0, rate),
            loss=training.loss if training else None,
            seconds=now - self._started,
        )

    def _write(self, content: bytes) -> None:
        try:
            self._objects.write(self._uri, content)
        except (StoreUnavailable, StoreForbidden, Terminated, OSError) as error:
            _LOG.warning("progress was not written: %s", error)
