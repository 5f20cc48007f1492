"""The status subresource and Events of one search."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, final

from mixatlas.contract.errors import ApiRefused
from mixatlas.controller.api import Api
from mixatlas.controller.names import GROUP, events_path, search_path

Plain = dict[str, Any]
_LOG = logging.getLogger("mixatlas.operator")
PROGRESS_PERIOD_S = 300.0
"""A status that differs in progress alone is written this seldom."""
NOTE_LENGTH = 1024
_PROGRESS = ("inFlight", "cost")
_PROGRESS_CELLS = ("eta", "gpuHours")
_WARNINGS = frozenset({"StorageUnavailable"})


@final
class ResourceSink:
    """Writes status and Events; a status sink.

    Args:
        api: The cluster.
        resource: The search; its name, namespace and UID are used.
        clock: Monotonic seconds.
    """

    def __init__(
        self, api: Api, resource: Plain, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._api = api
        self._clock = clock
        metadata = resource["metadata"]
        self._name, self._namespace = metadata["name"], metadata["namespace"]
        self._regarding = {
            "apiVersion": resource["apiVersion"],
            "kind": resource["kind"],
            "name": self._name,
            "namespace": self._namespace,
            "uid": metadata["uid"],
        }
        self._written: Plain = resource.get("status") or {}
        self._latest = self._written
        self._last_write = float("-inf")

    @property
    def latest(self) -> Plain:
        """The status as it is known here; what is written may be older by its progress."""
        return self._latest

    def write(self, status: Mapping[str, Any]) -> None:
        """Replace the whole status, unless it is equal, or differs in recent progress alone."""
        status = self._latest = dict(status)
        if status == self._written:
            return
        is_recent = self._clock() - self._last_write < PROGRESS_PERIOD_S
        if is_recent and _without_progress(status) == _without_progress(self._written):
            return
        path = f"{search_path(self._namespace, self._name)}/status"
        # "add" replaces what is there as a whole: fields that are gone do not linger.
        self._api.patch(path, [{"op": "add", "path": "/status", "value": status}], "json")
        self._written, self._last_write = status, self._clock()

    def event(self, reason: str, message: str) -> None:
        """Write an Event. One that is refused (by a full quota) is no reason to stop."""
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        body = {
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {"generateName": f"{self._name}-", "namespace": self._namespace},
            "eventTime": now,
            "type": "Warning" if reason in _WARNINGS else "Normal",
            "reason": reason,
            "action": reason,
            "note": message[:NOTE_LENGTH],
            "regarding": self._regarding,
            "reportingController": f"{GROUP}/operator",
            "reportingInstance": "operator",
        }
        try:
            self._api.create(events_path(self._namespace), body)
        except ApiRefused as refusal:
            _LOG.warning("event %s: %s", reason, refusal, extra={"search": self._name})


def _without_progress(status: Mapping[str, Any]) -> Plain:
    kept = {key: value for key, value in status.items() if key not in _PROGRESS}
    cells = kept.get("summary", {})
    kept["summary"] = {k: v for k, v in cells.items() if k not in _PROGRESS_CELLS}
    return kept
