"""Two CSV tables in the store as runs of elsewhere: domains match by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from mixatlas.contract.canonical import sha256_hex
from mixatlas.contract.errors import SpecError
from mixatlas.driver.ports import ObjectStore
from mixatlas.driver.sources import Found
from mixatlas.space.grid import SEPARATORS
from mixatlas.spec.view import View
from mixatlas.surrogate.runs import join, read_metrics, read_ratios

HINT = (
    "Name its columns as this search's domains, or as their concepts, or as their tasks; columns "
    "that are no domains may be named `name` or `index`."
)
_Read = TypeVar("_Read")


def runs_of_tables(
    store: ObjectStore, view: View, *, ratios: str, metrics: str, field: str
) -> Found:
    """Read the runs of two tables.

    Args:
        store: Where they lie.
        view: Of our search.
        ratios: URI of the mixtures, in the form of `mixatlas fit --ratios`.
        metrics: URI of the scores, larger or smaller being better.
        field: That names them.

    Raises:
        SpecError: A table is not there, or not as it must be: field, file and line are named.
    """
    weights, weights_sha256 = _read(store, f"{field}.ratios", ratios, read_ratios)
    scores, scores_sha256 = _read(store, f"{field}.metrics", metrics, read_metrics)
    runs = _naming(field, lambda: join(weights, scores))
    return Found(
        field=field,
        weights_field=f"{field}.ratios",
        scores_field=f"{field}.metrics",
        origin=(ratios, metrics),
        sha256=(weights_sha256, scores_sha256),
        domains=runs.domains,
        W_ne=runs.W_nd,
        metrics=runs.metrics,
        Y_nm=runs.Y_nm,
        homes=_homes(view, runs.domains),
        hint=HINT,
    )


def _read(
    store: ObjectStore, field: str, uri: str, parse: Callable[[str, str], _Read]
) -> tuple[_Read, str]:
    content = store.get(uri)
    if content is None:
        raise SpecError(
            f"{field}: {uri} does not exist", hint="Put the table there, or correct the URI."
        )
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise SpecError(
            f"{field}: this is not UTF-8 text",
            hint="Save the table as CSV in UTF-8.",
            where=f"{uri}:{line}",
        ) from error
    return _naming(field, lambda: parse(text, uri)), sha256_hex(content)


def _naming(field: str, read: Callable[[], _Read]) -> _Read:
    """Name the document's field in what is wrong with a table."""
    try:
        return read()
    except SpecError as error:
        raise SpecError(f"{field}: {error.message}", hint=error.hint, where=error.where) from error


def _homes(view: View, columns: Sequence[str]) -> dict[str, int]:
    """Return the column of each of our cells: they are cells, concepts or tasks, what fits most."""
    number = {_dotted(name): i for i, name in enumerate(columns)}
    readings = (lambda cell: cell, _concept, _task)
    found = [
        {cell: number[read(cell)] for cell in view.homes if read(cell) in number}
        for read in readings
    ]
    return max(found, key=lambda homes: len(set(homes.values())))


def _concept(cell: str) -> str:
    return cell.partition(".")[0]


def _task(cell: str) -> str:
    return cell.partition(".")[2]


def _dotted(name: str) -> str:
    for separator in SEPARATORS:
        name = name.replace(separator, ".")
    return name
