"""A local search put together: its store, and a look at what it has recorded."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mixatlas.adapters.s3 import S3Settings, S3Store, settings_from
from mixatlas.contract.errors import SearchFailed
from mixatlas.contract.manifest import CorpusManifest
from mixatlas.driver.accept import accept, drifted
from mixatlas.driver.books import Books
from mixatlas.ledger.layout import Layout, root_of
from mixatlas.local.runner import image_id
from mixatlas.local.s3_server import S3Server, running_server
from mixatlas.local.state import StateFolder
from mixatlas.plan.observed import Observed
from mixatlas.spec.model import MixtureSearch, Storage

DEFAULT_STORAGE = Storage()


@contextmanager
def open_store(search: MixtureSearch, state: StateFolder) -> Iterator[tuple[S3Store, S3Settings]]:
    """Open the store of a search for a look: the document's, or the embedded one.

    The embedded server is started unless another process runs it for this folder already; it
    then may end when that process does.

    Raises:
        StoreUnavailable: It does not answer.
    """
    running = running_server(state.store) if search.spec.storage is None else None
    if running is not None:
        yield S3Store(running), running
        return
    with hold_store(search, state) as held:
        yield held


@contextmanager
def hold_store(search: MixtureSearch, state: StateFolder) -> Iterator[tuple[S3Store, S3Settings]]:
    """Open the store of a search for a run: an embedded server is this process's own.

    Raises:
        StoreUnavailable: It does not answer, or another command goes on using it.
    """
    storage = search.spec.storage
    if storage is not None:
        settings = settings_from(os.environ, storage.endpoint, storage.region)
        yield S3Store(settings), settings
        return
    with S3Server(state.store) as server:
        yield S3Store(server.settings), server.settings


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A search as its ledger tells it.

    Args:
        observed: Without running attempts.
        store: Where the ledger lies; open while the look lasts.
    """

    observed: Observed
    store: S3Store

    @property
    def tokens_a_sample(self) -> dict[str, float]:
        """Mean manifest tokens of a sample of each domain."""
        content = self.store.get(self.observed.accepted.corpus)
        if content is None:
            raise SearchFailed("the corpus is gone", hint="Push it again.")
        return CorpusManifest.model_validate_json(content).tokens_a_sample

    def logs(self, trial: int) -> list[tuple[str, str]]:
        """Return (name, text) of each log of a trial that was stored."""
        prefix = f"{self.observed.accepted.layout.attempts(trial)}/"
        logs = []
        for uri in self.store.list(prefix):
            content = self.store.get(uri) if uri.endswith("/log.txt") else None
            if content is not None:
                logs.append((uri.removeprefix(prefix), content.decode(errors="replace")))
        return logs


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
        if store.get(Layout(root).search) is None:
            raise SearchFailed(
                f"{search.metadata.name} was never accepted", hint=f"mixatlas run -f {document}"
            )
        accepted = accept(store, search, uid=state.uid(), root=root, image=image_id())
        books = Books.open(store, accepted.layout)
        yield Seen(
            observed=books.observed(accepted, search, drifted(accepted, search)), store=store
        )
