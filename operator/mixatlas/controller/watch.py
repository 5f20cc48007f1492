"""The three watches, by kopf; each event only updates the world and makes its search due."""

from __future__ import annotations

import asyncio
import dataclasses
import threading
from collections.abc import Callable
from typing import Any, final

import kopf
from kubernetes.client import Configuration

from mixatlas.controller.api import Api
from mixatlas.controller.names import GROUP, SEARCHES, SELECTOR
from mixatlas.controller.world import Kind, World, version_of

Plain = dict[str, Any]
FINALIZER = f"{GROUP}/never-used"


@final
class Watcher:
    """Keeps a `World` current.

    kopf does what is hard (reconnects, expired versions, silent streams); nothing else of it is
    used, so it writes nothing. `relist` replaces what the watches have told, whatever they lost.

    Args:
        api: For full lists.
        world: Is kept current.
        namespace: The one that is watched; None watches all.
        on_change: Called with the UID of a search that something happened to.
    """

    def __init__(
        self,
        api: Api,
        world: World,
        *,
        namespace: str | None,
        on_change: Callable[[str], None],
    ) -> None:
        self._api = api
        self._world = world
        self._namespace = namespace
        self._on_change = on_change
        self._stop = threading.Event()
        self._ended = threading.Event()
        self.failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def start(self) -> None:
        """Begin to watch, in a thread."""
        self._thread.start()

    def close(self) -> None:
        """End the watches."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join()

    @property
    def has_ended(self) -> bool:
        """Whether the watches have ended, by `close` or by a failure."""
        return self._ended.is_set()

    def relist(self) -> int:
        """Replace the world by full lists; return how many searches had missed something."""
        inside = f"/namespaces/{self._namespace}" if self._namespace else ""
        changed: set[str] = set()
        paths: dict[Kind, str] = {
            "search": f"{SEARCHES}{inside}/mixturesearches",
            "job": f"/apis/batch/v1{inside}/jobs",
            "pod": f"/api/v1{inside}/pods",
        }
        for kind, path in paths.items():
            query = {} if kind == "search" else {"labelSelector": SELECTOR}
            pages = list(self._api.pages(path, **query))
            listed = [_typed(kind, item) for page in pages for item in page["items"]]
            changed |= self._world.replace(kind, listed, version_of(pages[0]))
        for uid in changed:
            self._on_change(uid)
        return len(changed)

    def _run(self) -> None:
        try:
            asyncio.run(self._watch())
        except BaseException as error:
            self.failure = error
        finally:
            self._ended.set()

    async def _watch(self) -> None:
        try:
            await kopf.operator(
                registry=self._registry(),
                settings=_settings(),
                standalone=True,
                clusterwide=self._namespace is None,
                namespaces=[self._namespace] if self._namespace else [],
                stop_flag=self._stop,
            )
        finally:
            # A thread of the loop waits for it, and the loop for that thread.
            self._stop.set()

    def _registry(self) -> kopf.OperatorRegistry:
        registry = kopf.OperatorRegistry()
        kopf.on.login(registry=registry)(_login)
        kopf.on.event(GROUP, "v1alpha1", "mixturesearches", registry=registry)(self._of("search"))
        kopf.on.event("batch", "v1", "jobs", registry=registry)(self._of("job"))
        kopf.on.event("", "v1", "pods", registry=registry)(self._of("pod"))
        return registry

    def _of(self, kind: Kind) -> Callable[..., None]:
        def handle(event: Any, **_: Any) -> None:
            item = dict(event["object"])
            is_gone = event["type"] == "DELETED"
            uid = self._world.lose(kind, item) if is_gone else self._world.see(kind, item)
            if uid is not None:
                self._on_change(uid)

        return handle


def _login(**arguments: Any) -> kopf.ConnectionInfo | None:
    """Reach the API server as `Api.connect` does: by the pod's account, else by kubeconfig."""
    in_pod: kopf.ConnectionInfo | None = kopf.login_with_service_account(**arguments)
    if in_pod is None:
        return kopf.login_with_kubeconfig(**arguments)
    # kopf asks for the server by its name; its address is in the pod, and needs no DNS.
    return dataclasses.replace(in_pod, server=Configuration.get_default_copy().host)


def _settings() -> kopf.OperatorSettings:
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.scanning.disabled = True  # the three resources are there before we are
    settings.persistence.finalizer = FINALIZER  # never kopf's own: another operator may use it
    settings.networking.request_timeout = 30
    settings.watching.label_selectors["batch", "jobs"] = SELECTOR
    settings.watching.label_selectors["", "pods"] = SELECTOR
    return settings


def _typed(kind: Kind, item: Plain) -> Plain:
    """Put back what items of a list lack."""
    if kind != "search":
        return item
    return {"apiVersion": f"{GROUP}/v1alpha1", "kind": "MixtureSearch", **item}
