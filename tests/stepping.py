"""An operator that works pass by pass in the test's own process, with trouble at its writes."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, cast

from fakes import Crash, InstantProposer
from mixatlas.adapters.s3 import S3Settings, S3Store
from mixatlas.contract.errors import ApiUnavailable, MixAtlasError, StoreUnavailable
from mixatlas.controller.api import Api
from mixatlas.controller.reconciler import Reconciler
from mixatlas.controller.settings import OperatorSettings
from mixatlas.controller.telemetry import Telemetry
from mixatlas.controller.watch import Watcher
from mixatlas.controller.world import World
from mixatlas.spec.model import Storage
from operator_cluster import SECRET, Cluster

Plain = dict[str, Any]
Apply = Callable[[], Any]
Step = Callable[[str, Apply], Any]
"""From the kind of a write and what applies it to the answer."""


def killed_before(kind: str, apply: Apply) -> Any:
    """The process ends before the write."""
    raise Crash(kind)


def killed_after(kind: str, apply: Apply) -> Any:
    """The process ends after the write, before its answer is read."""
    apply()
    raise Crash(kind)


def unavailable(kind: str, apply: Apply) -> Any:
    """The server is busy or broken: 429, 500, no connection."""
    error = StoreUnavailable if kind.startswith("store") else ApiUnavailable
    raise error(f"{kind}: no answer")


def answer_lost(kind: str, apply: Apply) -> Any:
    """The write happens, and the client sees a time-out."""
    apply()
    return unavailable(kind, apply)


@dataclass
class Faults:
    """Trouble for writes: the first write of every kind meets the first step, and so on.

    Args:
        script: Steps; writes after the last one are undisturbed.
        seen: How many writes of each kind there were.
        is_store_down: Whether the store answers nothing at all.
    """

    script: tuple[Step, ...] = ()
    seen: dict[str, int] = field(default_factory=dict)
    is_store_down: bool = False

    def write(self, kind: str, apply: Apply) -> Any:
        n = self.seen.get(kind, 0)
        self.seen[kind] = n + 1
        return self.script[n](kind, apply) if n < len(self.script) else apply()


@dataclass
class FaultyApi:
    """The real API; its writes meet the faults."""

    api: Api
    faults: Faults

    def get(self, path: str, **query: str) -> Plain | None:
        return self.api.get(path, **query)

    def pages(self, path: str, **query: str) -> Iterator[Plain]:
        return self.api.pages(path, **query)

    def create(self, path: str, body: Plain, **query: str) -> Plain:
        what = f"{path.rsplit('/', 1)[-1]}{' (dry run)' if query else ''}"
        answer = self.faults.write(f"create {what}", lambda: self.api.create(path, body, **query))
        return cast("Plain", answer)

    def patch(self, path: str, body: Any, kind: Any) -> Plain:
        what = "status" if path.endswith("/status") else path.split("/")[-2]
        return cast(
            "Plain", self.faults.write(f"patch {what}", lambda: self.api.patch(path, body, kind))
        )

    def delete(self, path: str, body: Plain) -> None:
        self.faults.write(f"delete {path.split('/')[-2]}", lambda: self.api.delete(path, body))


@dataclass
class FaultyStore:
    """The real store; its writes meet the faults."""

    store: S3Store
    faults: Faults

    def put(self, uri: str, data: bytes) -> None:
        self._answer()
        below = uri.split("/", 7)[-1]  # s3://BUCKET/PREFIX/NAMESPACE/NAME/UID/…
        kind = re.sub(r"\d{4,}", "N", re.sub(r"[0-9a-f]{12}\.json", "FILE", below))
        self.faults.write(f"store {kind}", lambda: self.store.put(uri, data))

    def get(self, uri: str) -> bytes | None:
        self._answer()
        return self.store.get(uri)

    def list(self, prefix: str) -> list[str]:
        self._answer()
        return self.store.list(prefix)

    def delete(self, uri: str) -> None:
        self._answer()
        self.store.delete(uri)

    def _answer(self) -> None:
        if self.faults.is_store_down:
            raise StoreUnavailable("the store does not answer", hint="")


class SteppingOperator:
    """Works on all searches of a namespace; a crash leaves it without memory.

    Args:
        cluster: Its credentials for the store are in the environment.
        faults: Of its writes.
    """

    def __init__(self, cluster: Cluster, faults: Faults) -> None:
        self._cluster = cluster
        self._faults = faults
        self.n_crashes = 0
        self._start()

    def until(self, is_over: Callable[[], bool], seconds: float = 300) -> None:
        """Make passes until something has come about."""
        end = time.monotonic() + seconds
        while not is_over():
            assert time.monotonic() < end, f"not within {seconds:.0f} s: {self._faults.seen}"
            try:
                self.step()
            except Crash:
                self.n_crashes += 1
                self._start()

    def step(self) -> None:
        """Look at everything, and make a pass of every search."""
        self._watcher.relist()
        for uid in self._world.searches():
            with suppress(MixAtlasError):
                self._reconciler.reconcile(uid)

    def _start(self) -> None:
        api = cast("Api", FaultyApi(self._cluster.api, self._faults))
        settings = OperatorSettings(
            trainer_image="localhost/trainer:test",
            namespace=self._cluster.namespace,
            storage=Storage(endpoint=self._cluster.s3.settings.endpoint),
            pod_secret=SECRET,
            retention_s=0.0,
        )
        self._world = World()
        self._watcher = Watcher(
            api, self._world, namespace=settings.namespace, on_change=lambda _: None
        )
        self._reconciler = Reconciler(
            api,
            self._world,
            settings,
            Telemetry(),
            proposers=lambda uid: InstantProposer(),
            open_store=self._open_store,
        )

    def _open_store(self, _: S3Settings) -> FaultyStore:
        return FaultyStore(S3Store(self._cluster.s3.settings), self._faults)
