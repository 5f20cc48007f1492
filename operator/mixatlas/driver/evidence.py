"""What a warm start names, read once at acceptance, and as it was stored then."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from mixatlas.contract.errors import SpecError
from mixatlas.contract.manifest import Domain
from mixatlas.driver.ledger_runs import runs_of_ledger
from mixatlas.driver.ports import FindLedger, ObjectStore
from mixatlas.driver.sources import as_source
from mixatlas.driver.table_runs import runs_of_tables
from mixatlas.driver.warm_start import Ledger, brought_by, read_ledger
from mixatlas.ledger.evidence import EvidenceRecord, Source
from mixatlas.ledger.reading import read_record
from mixatlas.plan.observed import Accepted
from mixatlas.spec.running import WarmStart


def read_warm_start(
    store: ObjectStore, accepted: Accepted, cells: Sequence[Domain], find_ledger: FindLedger
) -> EvidenceRecord:
    """Read every entry of a warm start.

    Args:
        store: Where ledgers and tables lie.
        accepted: The search, without its warm start.
        cells: Of the corpus manifest.
        find_ledger: Finds searches by name.

    Returns:
        Where the ledgers are, and as evidence those runs that are not taken as done.

    Raises:
        SpecError: An entry is not there or not readable, or can tell nothing: none of its trials is
            taken as done, and it shares too few domains, no benchmark, or has too few runs.
    """
    entries = _entries(accepted)
    roots = {field: _root(field, entry, find_ledger) for field, entry in entries.items()}
    ledgers = {field: root for field, root in roots.items() if root is not None}
    accepted = replace(accepted, warm_start=EvidenceRecord(ledgers=ledgers))
    taken = brought_by(store, accepted).sources
    sources = [
        _of_ledger(store, accepted, cells, field, entry, taken)
        if field in ledgers
        else _of_tables(store, accepted, field, entry)
        for field, entry in entries.items()
    ]
    return EvidenceRecord(
        ledgers=ledgers, sources=tuple(source for source in sources if source is not None)
    )


def stored_warm_start(store: ObjectStore, accepted: Accepted) -> EvidenceRecord:
    """Return what the warm start of a search was when it was accepted."""
    entries = _entries(accepted)
    content = store.get(accepted.layout.evidence) if entries else None
    if content is not None:
        return read_record(EvidenceRecord, content, accepted.layout.evidence)
    # An earlier version accepted it, which knew ledgers and no evidence.
    ledgers = {
        field: entry.ledger.rstrip("/")
        for field, entry in entries.items()
        if entry.ledger is not None
    }
    return EvidenceRecord(ledgers=ledgers)


def _entries(accepted: Accepted) -> dict[str, WarmStart]:
    """Return the entries of a warm start by their places in the document."""
    entries = accepted.search.spec.search.warm_start
    return {f"spec.search.warmStart.{i}": entry for i, entry in enumerate(entries)}


def _root(field: str, entry: WarmStart, find_ledger: FindLedger) -> str | None:
    """Return the prefix of an entry's ledger, None where it names tables."""
    if entry.search is None:
        return entry.ledger.rstrip("/") if entry.ledger is not None else None
    root = find_ledger(entry.search)
    if root is None:
        raise SpecError(
            f"{field}.search: there is no search {entry.search} here that has a ledger",
            hint="Begin it first, or give `ledger: s3://…/UID`: `status.ledger` names it.",
        )
    return root.rstrip("/")


def _of_ledger(
    store: ObjectStore,
    accepted: Accepted,
    cells: Sequence[Domain],
    field: str,
    entry: WarmStart,
    taken: Collection[str],
) -> Source | None:
    """Return what a ledger tells beside the trials that are taken as done; None: nothing."""
    root = accepted.warm_start.ledgers[field]
    form = "ledger" if entry.search is None else "search"
    found = runs_of_ledger(
        accepted,
        cells,
        _present(read_ledger(store, root), root, f"{field}.{form}"),
        root=root,
        field=field,
        form=form,
        taken=taken,
    )
    try:
        return as_source(found, accepted)
    except SpecError:
        if any(uri.startswith(f"{root}/") for uri in taken):
            return None
        raise


def _present(ledger: Ledger | None, root: str, place: str) -> Ledger:
    if ledger is not None:
        return ledger
    hint = "Give the prefix that ends with the search's UID: `status.ledger` names it."
    if place.endswith(".search"):
        hint = "Both searches need one store: set spec.storage alike, or AWS_ENDPOINT_URL_S3."
    raise SpecError(f"{place}: no search lies under {root}", hint=hint)


def _of_tables(store: ObjectStore, accepted: Accepted, field: str, entry: WarmStart) -> Source:
    found = runs_of_tables(
        store,
        accepted.view,
        ratios=entry.ratios or "",
        metrics=entry.metrics or "",
        field=field,
    )
    return as_source(found, accepted)
