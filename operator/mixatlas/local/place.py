"""A local search put together: its store, and a look at what it has recorded."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mixatlas.adapters.s3 import S3Settings, S3Store, endpoint_from, settings_from
from mixatlas.contract.errors import HistoryMismatch, SearchFailed
from mixatlas.driver.ports import ObjectStore
from mixatlas.driver.seen import Seen, read_ledger
from mixatlas.ledger.layout import Layout, root_of
from mixatlas.local.s3_server import S3Server, running_server
from mixatlas.local.state import StateFolder
from mixatlas.spec.model import MixtureSearch, Storage

DEFAULT_STORAGE = Storage()


@contextmanager
def open_store(search: MixtureSearch, state: StateFolder) -> Iterator[tuple[S3Store, S3Settings]]:
    """Open the store of a search for a look.

    The embedded server is started unless another process runs it for this folder already; it
    then may end when that process does.

    Raises:
        StoreUnavailable: It does not answer.
    """
    running = running_server(state.store) if has_own_server(search) else None
    if running is not None:
        yield S3Store(running), running
        return
    with hold_store(search, state) as held:
        yield held


@contextmanager
def hold_store(search: MixtureSearch, state: StateFolder) -> Iterator[tuple[S3Store, S3Settings]]:
    """Open the store of a search for a run: an embedded server is this process's own.

    Raises:
        SpecError: The document has a storage, and neither it nor the environment an endpoint.
        StoreUnavailable: It does not answer, or another command goes on using it.
    """
    if has_own_server(search):
        with S3Server(state.store) as server:
            yield S3Store(server.settings), server.settings
        return
    storage = search.spec.storage or DEFAULT_STORAGE
    settings = settings_from(os.environ, storage.endpoint, storage.region)
    yield S3Store(settings), settings


def has_own_server(search: MixtureSearch) -> bool:
    """Tell whether a search uses the embedded server: nobody has named another store."""
    return search.spec.storage is None and endpoint_from(os.environ) is None


def must_hold_ledger(store: ObjectStore, state: StateFolder, root: str) -> None:
    """Refuse to begin a search anew where it was only not found.

    Raises:
        HistoryMismatch: It has been run here, and the store does not hold its ledger.
    """
    if state.status.exists() and store.get(Layout(root).search) is None:
        raise HistoryMismatch(
            f"this search has been run here, and the store holds no ledger {root}",
            hint="Set spec.storage and AWS_ENDPOINT_URL_S3 as they were; "
            f"to begin anew, delete {state.path}.",
        )


def ledger_root(search: MixtureSearch, uid: str) -> str:
    """Return the URI prefix of a search's ledger."""
    storage = search.spec.storage or DEFAULT_STORAGE
    return root_of(
        bucket=storage.bucket,
        prefix=storage.prefix,
        namespace=search.metadata.namespace or "default",
        name=search.metadata.name,
        uid=uid,
    )


def ledger_beside(state: StateFolder, name: str) -> str | None:
    """Return the prefix of the ledger of a search that was run beside another, None without one."""
    resource = StateFolder(state.path.parent / name).read_status() or {}
    ledger = resource.get("status", {}).get("ledger")
    return str(ledger) if ledger else None


@contextmanager
def look_at(search: MixtureSearch, document: Path, folder: Path | None) -> Iterator[Seen]:
    """Look at a search that was run here, while it runs or afterwards.

    Raises:
        SearchFailed: It was never run.
    """
    state = StateFolder.of(document, search.metadata.name, folder)
    if not (state.path / "uid").exists():
        raise SearchFailed(
            f"{search.metadata.name} has not been run here", hint=f"mixatlas run -f {document}"
        )
    root = ledger_root(search, state.uid())
    with open_store(search, state) as (store, _):
        seen = read_ledger(store, search, uid=state.uid(), root=root)
        if seen is None:
            raise SearchFailed(
                f"{search.metadata.name} was never accepted", hint=f"mixatlas run -f {document}"
            )
        yield seen
