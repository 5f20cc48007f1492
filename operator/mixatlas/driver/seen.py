"""A search as its ledger tells it: what commands show, while it runs or afterwards."""

from __future__ import annotations

from dataclasses import dataclass

from mixatlas.contract.errors import SearchFailed
from mixatlas.contract.manifest import CorpusManifest
from mixatlas.driver.accept import accept, drifted
from mixatlas.driver.books import Books
from mixatlas.driver.ports import ObjectStore
from mixatlas.ledger.layout import Layout
from mixatlas.plan.observed import Observed
from mixatlas.spec.model import MixtureSearch


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A search that was looked at.

    Args:
        observed: Without running attempts.
        store: Where the ledger lies; open while the look lasts.
    """

    observed: Observed
    store: ObjectStore

    @property
    def tokens_a_sample(self) -> dict[str, float]:
        """Mean manifest tokens of a sample of each domain."""
        content = self.store.get(self.observed.accepted.corpus)
        if content is None:
            raise SearchFailed("the corpus is gone", hint="Push it again.")
        return CorpusManifest.model_validate_json(content).tokens_a_sample


def read_ledger(store: ObjectStore, search: MixtureSearch, *, uid: str, root: str) -> Seen | None:
    """Look at a search; nothing is written.

    Args:
        store: Where its ledger and its corpus lie.
        search: The document as it stands now.
        uid: Identity of the search.
        root: URI prefix of its ledger.

    Returns:
        What the ledger holds, or None when the search was never accepted.
    """
    if store.get(Layout(root).search) is None:
        return None
    accepted = accept(store, search, uid=uid, root=root, image="")
    books = Books.open(store, accepted.layout)
    return Seen(observed=books.observed(accepted, search, drifted(accepted, search)), store=store)


def stored_logs(store: ObjectStore, layout: Layout, trial: int) -> list[tuple[str, str]]:
    """Return (name, text) of each log that an attempt of a trial has stored."""
    prefix = f"{layout.attempts(trial)}/"
    logs = []
    for uri in store.list(prefix):
        content = store.get(uri) if uri.endswith("/log.txt") else None
        if content is not None:
            logs.append((uri.removeprefix(prefix), content.decode(errors="replace")))
    return logs
