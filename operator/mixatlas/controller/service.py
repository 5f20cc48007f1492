"""The operator's process: leadership, watches, workers and timers."""

from __future__ import annotations

import logging
import signal
import threading
import time
from functools import lru_cache, partial
from types import FrameType
from typing import final

from mixatlas.adapters.proposer import ProposerPool
from mixatlas.adapters.s3 import S3Store
from mixatlas.contract.errors import MixAtlasError
from mixatlas.controller.api import Api
from mixatlas.controller.lease import Leadership
from mixatlas.controller.reconciler import Reconciler
from mixatlas.controller.settings import OperatorSettings
from mixatlas.controller.telemetry import Page, Telemetry, serve
from mixatlas.controller.watch import Watcher
from mixatlas.controller.work_queue import WorkQueue
from mixatlas.controller.world import World
from mixatlas.driver.questions import answer

PROPOSERS = 2
"""Worker processes that fit surrogates, for all searches together."""
STORES = 32
"""Connections to stores that are kept: each holds its own copy of the trusted certificates."""
PATIENCE_S = 180.0
"""A pass or a wait longer than this makes `/healthz` fail, so that the kubelet restarts us."""
TICK_S = 1.0

_LOG = logging.getLogger("mixatlas.operator")


@final
class Operator:
    """Runs searches of a cluster until it is told to stop, or may no more.

    Args:
        api: The cluster.
        settings: From the chart.
        leadership: None where this is the only operator.
    """

    def __init__(self, api: Api, settings: OperatorSettings, leadership: Leadership | None) -> None:
        self._settings = settings
        self._queue = WorkQueue()
        self._world = World()
        self._telemetry = Telemetry()
        self._proposers = ProposerPool(answer, size=PROPOSERS)
        self._reconciler = Reconciler(
            api,
            self._world,
            settings,
            self._telemetry,
            proposers=lambda uid: self._proposers.seat(partial(self._queue.add, uid)),
            open_store=lru_cache(STORES)(S3Store),
        )
        self._watcher = Watcher(
            api, self._world, namespace=settings.namespace, on_change=self._queue.add
        )
        self._leadership = leadership
        self._stopping = threading.Event()
        self._is_listed = False
        self._telemetry.watch("queue_depth", "Searches that are due.", self._queue.depth)
        self._telemetry.watch("leader", "1 while this process leads.", lambda: self._may_work)

    def run(self) -> int:
        """Work until SIGTERM, or until the lease or the watches are lost.

        Returns:
            An exit code: 0 after SIGTERM, 1 when the process is to be started again.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        address, port = self._settings.address, self._settings.port
        server = serve(address, port, self._pages()) if port else None
        try:
            if self._leadership is not None:
                self._leadership.start()
                self._stand_by(self._leadership)
            return self._lead()
        finally:
            if server is not None:
                server.shutdown()

    def stop(self) -> None:
        """Ask for the end: passes under way are finished, and trials run on."""
        self._stopping.set()

    def is_healthy(self) -> bool:
        """Tell whether no pass hangs and no key starves; idle and standing by are healthy."""
        return not self._queue.is_stuck(PATIENCE_S) and not self._watcher.has_ended

    @property
    def _may_work(self) -> bool:
        return self._leadership is None or self._leadership.is_held

    @property
    def _must_end(self) -> bool:
        is_lost = self._leadership is not None and self._leadership.is_lost
        return is_lost or self._watcher.has_ended

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self.stop()

    def _stand_by(self, leadership: Leadership) -> None:
        while not (leadership.is_held or leadership.is_lost or self._stopping.is_set()):
            self._stopping.wait(TICK_S)

    def _lead(self) -> int:
        workers = [
            threading.Thread(target=self._work, name=f"worker-{n}", daemon=True)
            for n in range(self._settings.workers)
        ]
        if not (self._stopping.is_set() or self._must_end):
            self._watcher.start()
            for worker in workers:
                worker.start()
            self._tick()
        self._queue.close()
        if self._must_end:
            # Another operator may lead by now: what is under way here is left as a kill leaves it.
            _LOG.error("lease or watches are lost: %s", self._watcher.failure)
            self._close()
            return 1
        # A pass under way is finished: what it has begun would be begun again otherwise.
        for worker in workers:
            if worker.ident is not None:
                worker.join()
        self._watcher.close()
        self._close()
        if self._leadership is not None:
            self._leadership.give_back()
        return 0

    def _close(self) -> None:
        self._reconciler.close()
        self._proposers.close()

    def _tick(self) -> None:
        """Look at every search each minute, and at full lists every five."""
        next_list = next_resync = time.monotonic()
        while not (self._stopping.is_set() or self._must_end):
            now = time.monotonic()
            if now >= next_list:
                try:
                    repaired = self._watcher.relist()
                    if self._is_listed:
                        self._telemetry.repaired(repaired)
                    self._is_listed = True
                    next_list = now + self._settings.relist_s
                except MixAtlasError as error:
                    _LOG.warning("listing failed: %s", error)
                    next_list = now + TICK_S
            if now >= next_resync:
                for uid in self._world.searches():
                    self._queue.add(uid)
                next_resync = now + self._settings.resync_s
            self._stopping.wait(TICK_S)

    def _work(self) -> None:
        while (uid := self._queue.take()) is not None:
            started = time.monotonic()
            is_failed = True
            try:
                # Asked again for each pass: a process that was paused may have lost the lease.
                if not self._may_work:
                    continue
                after_s = self._reconciler.reconcile(uid)
                is_failed = False
                if after_s is not None:
                    self._queue.add(uid, after_s)
            except MixAtlasError as error:
                _LOG.warning("%s", error, extra={"search": uid})
            except Exception:
                # One search's bug must not take the others' worker away.
                _LOG.exception("unexpected", extra={"search": uid})
            finally:
                self._telemetry.reconciled(time.monotonic() - started, is_failed=is_failed)
                self._queue.done(uid, is_failed=is_failed)

    def _pages(self) -> dict[str, Page]:
        return {
            "/healthz": lambda: (200, b"ok") if self.is_healthy() else (503, b"stuck"),
            "/readyz": self._readiness,
            "/metrics": lambda: (200, self._telemetry.page()),
        }

    def _readiness(self) -> tuple[int, bytes]:
        if not self._may_work:
            return 200, b"standing by"
        return (200, b"ok") if self._is_listed else (503, b"not listed yet")
