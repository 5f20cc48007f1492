"""Leadership by a Lease: one operator works, others stand by.

The official client has an election of its own; in 37.0 it cannot create a Lease (its request is
refused by its own validation), sets no time limits, and ends with the first lost connection.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, final

from mixatlas.contract.errors import ApiRefused, MixAtlasError
from mixatlas.controller.api import Api
from mixatlas.controller.names import LEASE, lease_path

LEASE_S, RENEW_DEADLINE_S, RETRY_S = 15, 10, 2
"""Whole seconds. A lease may be taken over after the first; its holder gives up sooner."""
REQUEST_TIMEOUT_S = RENEW_DEADLINE_S / 3

Plain = dict[str, Any]
_LOG = logging.getLogger("mixatlas.operator")


@final
class Leadership:
    """Strives for the Lease in a thread, and keeps it.

    Nothing that is written rests on it: two operators at once start no trial twice. It only
    keeps them from doing the same work.

    Args:
        api: The cluster, with `REQUEST_TIMEOUT_S` a request.
        namespace: Of the Lease.
        identity: Of this process; no two may share one.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        api: Api,
        *,
        namespace: str,
        identity: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._api = api
        self._namespace = namespace
        self._identity = identity
        self._clock = clock
        self._seen: tuple[Plain, float] = ({}, clock())
        self._renewed: float | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lease", daemon=True)

    def start(self) -> None:
        """Begin to strive for the Lease."""
        self._thread.start()

    @property
    def is_held(self) -> bool:
        """Whether this process may work: it renewed the Lease within the deadline."""
        renewed = self._renewed
        return renewed is not None and self._clock() < renewed + RENEW_DEADLINE_S

    @property
    def is_lost(self) -> bool:
        """Whether the Lease was held and could not be renewed: this process has to end."""
        return self._renewed is not None and not self.is_held

    def strive(self) -> None:
        """Create, take over or renew the Lease, where that is due.

        Raises:
            ApiUnavailable, ApiRefused: No answer, no right, or somebody else was faster.
        """
        # The deadline counts from before the request, so never later than for others.
        sent = self._clock()
        path = lease_path(self._namespace)
        lease = self._api.get(path)
        if lease is None:
            new: Plain = {
                "apiVersion": "coordination.k8s.io/v1",
                "kind": "Lease",
                "metadata": {"name": LEASE},
                "spec": self._spec({}),
            }
            self._api.create(path.removesuffix(f"/{LEASE}"), new)
        elif self._is_free(lease["spec"]):
            version = {"resourceVersion": lease["metadata"]["resourceVersion"]}
            renewal = {"metadata": version, "spec": self._spec(lease["spec"])}
            self._api.patch(path, renewal, "merge")
        else:
            return
        self._renewed = sent

    def give_back(self) -> None:
        """Stop renewing, and let a successor lead at once."""
        self._stop.set()
        self._thread.join()
        if not self.is_held:
            return
        holder = "/spec/holderIdentity"
        release = [
            {"op": "test", "path": holder, "value": self._identity},
            {"op": "replace", "path": holder, "value": ""},
        ]
        try:
            self._api.patch(lease_path(self._namespace), release, "json")
        except MixAtlasError as error:
            _LOG.info("the lease was not given back: %s", error)

    def _run(self) -> None:
        while not (self._stop.is_set() or self.is_lost):
            try:
                self.strive()
            except MixAtlasError as error:
                is_race = isinstance(error, ApiRefused) and error.status == 409
                _LOG.log(logging.INFO if is_race else logging.WARNING, "lease: %s", error)
            self._stop.wait(RETRY_S)

    def _is_free(self, spec: Plain) -> bool:
        """Tell whether we may hold it: ours, nobody's, or unchanged for as long as it lasts.

        Its times were written by another machine's clock, so only their change is read.
        """
        if spec != self._seen[0]:
            self._seen = (spec, self._clock())
        if spec.get("holderIdentity") in (None, "", self._identity):
            return True
        lasts_s = int(spec.get("leaseDurationSeconds", LEASE_S))
        return self._clock() >= self._seen[1] + lasts_s

    def _spec(self, before: Plain) -> Plain:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        spec: Plain = {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": LEASE_S,
            "renewTime": now,
        }
        if before.get("holderIdentity") != self._identity:
            spec["acquireTime"] = now
            spec["leaseTransitions"] = before.get("leaseTransitions", 0) + 1
        return spec
