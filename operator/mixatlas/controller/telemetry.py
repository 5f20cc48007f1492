"""What the operator tells of itself: Prometheus series, probes and JSON log lines."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

SEARCH_LABELS = ("namespace", "search")
_SLOW = (0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)
"""Bucket limits in seconds of what takes a fit or a container's start."""
Page = Callable[[], tuple[int, bytes]]


@final
class Telemetry:
    """Series of one operator, and of each search that it works on."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._reconcile = Histogram(
            "mixatlas_reconcile_seconds", "Duration of passes.", registry=self._registry
        )
        self._errors = Counter(
            "mixatlas_reconcile_errors", "Passes that did not end.", registry=self._registry
        )
        self._repairs = Counter(
            "mixatlas_repairs", "Searches whose events were lost.", registry=self._registry
        )
        self._proposal = Histogram(
            "mixatlas_proposal_seconds",
            "From asking for a round to its answer.",
            buckets=_SLOW,
            registry=self._registry,
        )
        self._turnaround = Histogram(
            "mixatlas_turnaround_seconds",
            "From the end of a trial to the next Job of its search.",
            buckets=_SLOW,
            registry=self._registry,
        )
        self._trials = self._gauge("trials", "Trials by state.", "state")
        self._best = self._gauge("best_objective", "Posterior mean of the best mixture so far.")
        self._gpu = self._gauge("gpu_seconds", "GPU seconds of ended attempts.")
        self._states: dict[tuple[str, str], set[str]] = {}
        self._lock = threading.Lock()

    def watch(self, name: str, words: str, value: Callable[[], float]) -> None:
        """Add a gauge that is read when the page is."""
        Gauge(f"mixatlas_{name}", words, registry=self._registry).set_function(value)

    def reconciled(self, seconds: float, *, is_failed: bool) -> None:
        """Count a pass."""
        self._reconcile.observe(seconds)
        if is_failed:
            self._errors.inc()

    def repaired(self, searches: int) -> None:
        """Count searches of which a list told more than the watches had."""
        self._repairs.inc(searches)

    def proposed(self, seconds: float) -> None:
        """Count an answer of the proposer."""
        self._proposal.observe(seconds)

    def turned_around(self, seconds: float) -> None:
        """Count a Job that took the place of an ended trial."""
        self._turnaround.observe(seconds)

    def tell(self, namespace: str, search: str, status: Mapping[str, Any]) -> None:
        """Show a search as its status describes it."""
        states = _trials_by_state(status)
        with self._lock:
            known = self._states.setdefault((namespace, search), set())
            known |= states.keys()
            for state in known:
                self._trials.labels(namespace, search, state).set(states.get(state, 0))
        best = status.get("best")
        if best:
            self._best.labels(namespace, search).set(best["objective"]["mean"])
        self._gpu.labels(namespace, search).set(status.get("cost", {}).get("gpuSeconds", 0.0))

    def forget(self, namespace: str, search: str) -> None:
        """Drop the series of a search that is gone."""
        with self._lock:
            states = self._states.pop((namespace, search), set())
        for state in states:
            self._trials.remove(namespace, search, state)
        if states:
            self._gpu.remove(namespace, search)
            self._best.remove(namespace, search)

    def page(self) -> bytes:
        """Return all series in Prometheus' text format."""
        return generate_latest(self._registry)

    def _gauge(self, name: str, words: str, *labels: str) -> Gauge:
        return Gauge(
            f"mixatlas_search_{name}", words, (*SEARCH_LABELS, *labels), registry=self._registry
        )


def _trials_by_state(status: Mapping[str, Any]) -> dict[str, float]:
    cells = status.get("summary", {})
    ended = str(cells.get("trials", "0/0")).split("/")[0]
    return {
        "ended": float(ended),
        "running": float(cells.get("running") or 0),
        "failed": float(cells.get("failed") or 0),
        "queued": float(cells.get("queue") or 0),
    }


def serve(address: str, port: int, pages: Mapping[str, Page]) -> ThreadingHTTPServer:
    """Serve pages by path in a thread, until `shutdown` is called.

    Args:
        address: To listen on; empty is all.
        port: To listen on.
        pages: From a path to its answer.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = pages.get(self.path)
            status, content = page() if page else (404, b"no such page")
            self.send_response(status)
            self.send_header("Content-Type", "text/plain; charset=utf-8")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """Probes every few seconds are no news."""

    server = ThreadingHTTPServer((address, port), Handler)
    threading.Thread(target=server.serve_forever, name="http", daemon=True).start()
    return server


class JsonFormatter(logging.Formatter):
    """One JSON object a line, as log collectors read it."""

    def format(self, record: logging.LogRecord) -> str:
        """Render a record; what `extra={"search": …}` names stands beside the message."""
        told: dict[str, Any] = {
            "time": self.formatTime(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        search = getattr(record, "search", None)
        if search is not None:
            told["search"] = search
        if record.exc_info:
            told["exception"] = self.formatException(record.exc_info)
        return json.dumps(told)
