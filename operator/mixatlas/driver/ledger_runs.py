"""Trials of an earlier search as runs of elsewhere: domains match by what defines them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from pydantic import ValidationError

from mixatlas.contract.canonical import sha256_hex
from mixatlas.contract.manifest import Domain
from mixatlas.driver.sources import Found
from mixatlas.driver.warm_start import Ledger, differences
from mixatlas.ledger.fold import SEARCH_PURPOSES, fold
from mixatlas.ledger.layout import Layout
from mixatlas.ledger.reading import unreadable
from mixatlas.ledger.records import OutcomeClass, SearchRecord
from mixatlas.plan.observed import Accepted
from mixatlas.spec.model import MixtureSearch
from mixatlas.spec.view import Axis, Slice, View

HINT = (
    "Domains of a ledger match where their `definition` is equal: concept, task, how they were "
    "found, and the tokenizer. By name alone they match as tables: give `ratios` and `metrics`."
)


def runs_of_ledger(
    accepted: Accepted,
    cells: Sequence[Domain],
    ledger: Ledger,
    *,
    root: str,
    field: str,
    form: str,
    taken: Collection[str],
) -> Found:
    """Return the trials that ended well and are not taken as done.

    The two searches may have other axes: our cells are seen along theirs.

    Args:
        accepted: Our search.
        cells: Of our corpus manifest.
        ledger: Theirs.
        root: Its prefix.
        field: That names it.
        form: `ledger` or `search`: how.
        taken: URIs of outcomes that are taken as done.

    Raises:
        HistoryMismatch: A newer version accepted their document.
    """
    layout, record = Layout(root), ledger.record
    outcomes = [
        outcome
        for outcome in ledger.outcomes
        if outcome.outcome is OutcomeClass.OK
        and outcome.purpose in SEARCH_PURPOSES
        and layout.outcome(outcome.trial) not in taken
    ]
    axes = _axes(record, layout.search)
    ours, theirs = View.of(cells, axes), _view(ledger, axes)
    pairs = _pairs({part.name: part.definition for part in ours.slices}, record.definitions)
    metrics = {name: identity.metric for name, identity in record.benchmarks.items()}
    history = fold(outcomes, view=theirs, metrics=metrics)
    return Found(
        field=field,
        weights_field=f"{field}.{form}",
        scores_field=f"{field}.{form}",
        origin=(root,),
        sha256=(sha256_hex(b"".join(outcome.to_bytes() for outcome in outcomes)),),
        domains=theirs.names,
        W_ne=history.W_nd,
        metrics=tuple(metrics),
        Y_nm=history.Y_nm,
        homes={
            cell: theirs.names.index(pairs[part.name])
            for part in ours.slices
            if part.name in pairs
            for cell in part.cells
        },
        hint=HINT,
        changed=(
            *(
                part.name
                for part in ours.slices
                if part.name in pairs and record.contents[pairs[part.name]] != part.content
            ),
            *_changed_benchmarks(accepted.record, record),
        ),
        differs=tuple(differences(accepted.record, record)),
    )


def _axes(record: SearchRecord, uri: str) -> tuple[Axis, ...]:
    try:
        return MixtureSearch.model_validate(record.document).spec.axes
    except ValidationError as error:
        raise unreadable(uri, error) from error


def _view(ledger: Ledger, axes: Iterable[Axis]) -> View:
    """Rebuild the view of another search from the cells that its records name.

    Their tokens are unknown and nobody asks: its weights are summed, never divided.
    """
    record, axes = ledger.record, set(axes)
    cells = {weight.domain for weight in record.natural}
    for outcome in ledger.outcomes:
        cells |= {weight.domain for weight in outcome.mixture} | outcome.domains.keys()
    slices: dict[str, dict[str, int]] = {name: {} for name in sorted(record.definitions)}
    for cell in sorted(cells):
        concept, _, task = cell.partition(".")
        home = cell if len(axes) > 1 else concept if "concept" in axes else task
        if home in slices:
            slices[home][cell] = 1
    return View(
        slices=tuple(
            Slice(
                name=name,
                definition=record.definitions[name],
                content=record.contents[name],
                cells=found,
            )
            for name, found in slices.items()
        )
    )


def _pairs(ours: Mapping[str, str], theirs: Mapping[str, str]) -> dict[str, str]:
    """Pair domains of equal definition: those of equal name, then what only one on each side has.

    Args:
        ours: Definition of each of our domains.
        theirs: Of each of theirs.
    """
    pairs = {name: name for name in ours if theirs.get(name) == ours[name]}
    left, right = (
        {name: definition for name, definition in side.items() if name not in pairs}
        for side in (ours, theirs)
    )
    for name, definition in left.items():
        found = [other for other in right if right[other] == definition]
        if len(found) == 1 and list(left.values()).count(definition) == 1:
            pairs[name] = found[0]
    return pairs


def _changed_benchmarks(ours: SearchRecord, theirs: SearchRecord) -> list[str]:
    return [
        name
        for name, benchmark in ours.benchmarks.items()
        if name in theirs.benchmarks and theirs.benchmarks[name].sha256 != benchmark.sha256
    ]
