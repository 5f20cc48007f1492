"""The operator's process: watches, workers, timers, and the page that probes read."""

from __future__ import annotations

import json
import logging
import signal
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import FrameType
from typing import Any, final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from mixatlas.contract.errors import MixAtlasError
from mixatlas.controller.api import Api
from mixatlas.controller.reconciler import Reconciler
from mixatlas.controller.settings import OperatorSettings
from mixatlas.controller.watch import Watcher
from mixatlas.controller.work_queue import WorkQueue
from mixatlas.controller.world import World

PATIENCE_S = 180.0
"""A pass or a wait longer than this makes `/healthz` fail, so that the kubelet restarts us."""
TICK_S = 1.0

_LOG = logging.getLogger("mixatlas.operator")


@final
class Operator:
    """Runs searches of a cluster until it is told to stop.

    Args:
        api: The cluster.
        settings: From the chart.
    """

    def __init__(self, api: Api, settings: OperatorSettings) -> None:
        self._settings = settings
        self._queue = WorkQueue()
        self._world = World()
        self._reconciler = Reconciler(api, self._world, settings)
        self._watcher = Watcher(
            api, self._world, namespace=settings.namespace, on_change=self._queue.add
        )
        self._stopping = threading.Event()
        self._is_listed = False
        self._metrics = _Metrics(self._queue)

    def run(self) -> int:
        """Work until SIGTERM, or until the watches fail; return an exit code."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        server = self._serve() if self._settings.port else None
        workers = [
            threading.Thread(target=self._work, name=f"worker-{n}", daemon=True)
            for n in range(self._settings.workers)
        ]
        self._watcher.start()
        for worker in workers:
            worker.start()
        self._tick()
        # A pass under way is finished: what it has begun would be begun again otherwise.
        self._queue.close()
        for worker in workers:
            worker.join()
        self._watcher.close()
        self._reconciler.close()
        if server is not None:
            server.shutdown()
        if self._watcher.failure is not None:
            _LOG.error("the watches failed: %s", self._watcher.failure)
            return 1
        return 0

    def stop(self) -> None:
        """Ask for the end: passes under way are finished, and trials run on."""
        self._stopping.set()

    def is_healthy(self) -> bool:
        """Tell whether no pass hangs and no key starves; an idle operator is healthy."""
        longest = max(self._queue.longest_pass_s(), self._queue.longest_wait_s())
        return longest < PATIENCE_S and not self._watcher.has_ended

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self.stop()

    def _tick(self) -> None:
        """Look at every search each minute, and at full lists every five."""
        next_list = next_resync = time.monotonic()
        while not self._stopping.is_set() and not self._watcher.has_ended:
            now = time.monotonic()
            if now >= next_list:
                try:
                    repaired = self._watcher.relist()
                    if self._is_listed:
                        self._metrics.repairs.inc(repaired)
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
                after_s = self._reconciler.reconcile(uid)
                is_failed = False
                if after_s is not None:
                    self._queue.add(uid, after_s)
            except MixAtlasError as error:
                _LOG.warning("search %s: %s", uid, error)
            except Exception:
                # One search's bug must not take the others' worker away.
                _LOG.exception("search %s: unexpected", uid)
            finally:
                self._metrics.seen(time.monotonic() - started, is_failed=is_failed)
                self._queue.done(uid, is_failed=is_failed)

    def _serve(self) -> ThreadingHTTPServer:
        pages: dict[str, Callable[[], tuple[int, bytes]]] = {
            "/healthz": lambda: (200, b"ok") if self.is_healthy() else (503, b"stuck"),
            "/readyz": lambda: (200, b"ok") if self._is_listed else (503, b"not listed yet"),
            "/metrics": lambda: (200, self._metrics.page()),
        }
        server = ThreadingHTTPServer(("", self._settings.port), _handler(pages))
        threading.Thread(target=server.serve_forever, name="http", daemon=True).start()
        return server


class _Metrics:
    """Prometheus series of the operator itself."""

    def __init__(self, queue: WorkQueue) -> None:
        self._registry = CollectorRegistry()
        self._seconds = Histogram(
            "mixatlas_reconcile_seconds", "Duration of passes.", registry=self._registry
        )
        self._errors = Counter(
            "mixatlas_reconcile_errors", "Passes that did not end.", registry=self._registry
        )
        self.repairs = Counter(
            "mixatlas_repairs", "Searches whose events were lost.", registry=self._registry
        )
        depth = Gauge("mixatlas_queue_depth", "Searches that are due.", registry=self._registry)
        depth.set_function(queue.depth)

    def seen(self, seconds: float, *, is_failed: bool) -> None:
        self._seconds.observe(seconds)
        if is_failed:
            self._errors.inc()

    def page(self) -> bytes:
        return generate_latest(self._registry)


def _handler(pages: dict[str, Callable[[], tuple[int, bytes]]]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = pages.get(self.path)
            status, content = page() if page else (404, b"no such page")
            self.send_response(status)
            self.end_headers()
            self.wfile.write(content)

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """Probes every few seconds are no news."""

    return Handler


class JsonFormatter(logging.Formatter):
    """One JSON object a line, as log collectors read it."""

    def format(self, record: logging.LogRecord) -> str:
        """Render a record."""
        told: dict[str, Any] = {
            "time": self.formatTime(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            told["exception"] = self.formatException(record.exc_info)
        return json.dumps(told)
