"""Tables of finished runs: two CSV texts, one of weights and one of metrics, joined by `run`.

The format is Olmix's: `name`, `index` and columns without a name are skipped, every other column of
the first text is a domain, of the second a metric.

A column `METRIC.sem` is none: it holds the standard errors of the measurements of METRIC.

Notation: n runs, d domains, m metrics.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mixatlas.contract.errors import SpecError

FloatArray = NDArray[np.float64]
_Parser = Callable[[str], float]

RUN = "run"
SKIPPED = ("", "name", "index")
ROUNDING = 1e-3
"""How far a row of weights may sum from 1: tables print few digits. It is then scaled to 1."""
LARGEST = 1e100
"""Metrics beyond it are mistakes, and their squares are no numbers any more."""
SEM = ".sem"
"""End of the name of a column of standard errors, beside the metric that it is of."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NamedRows:
    """Named rows of numbers.

    Args:
        runs: Names of the rows, distinct.
        columns: Names of the columns.
        values: Of shape (rows, columns).
    """

    runs: tuple[str, ...]
    columns: tuple[str, ...]
    values: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Measurements:
    """Named rows of measurements.

    Args:
        runs: Names of the rows, distinct.
        metrics: Names of the columns.
        values: Of shape (rows, columns), NaN = not measured.
        sems: Their standard errors, 0 where not known.
    """

    runs: tuple[str, ...]
    metrics: tuple[str, ...]
    values: FloatArray
    sems: FloatArray

    def only(self, metrics: Sequence[str]) -> Measurements:
        """Return those of some metrics."""
        kept = [self.metrics.index(name) for name in metrics]
        return Measurements(
            runs=self.runs,
            metrics=tuple(metrics),
            values=self.values[:, kept],
            sems=self.sems[:, kept],
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Runs:
    """Finished runs.

    Args:
        runs: Names of the `n` runs, in the order of their weights.
        domains: Names of the `d` domains.
        metrics: Names of the `m` metrics.
        W_nd: Weights, rows on the simplex.
        Y_nm: Metrics, NaN = not measured; each is measured at least once.
        S_nm: Known standard errors of the measurements, 0 where not known.
        unmeasured: Runs with weights that have no metrics: left out.
        unweighted: Runs with metrics that have no weights: left out.
    """

    runs: tuple[str, ...]
    domains: tuple[str, ...]
    metrics: tuple[str, ...]
    W_nd: FloatArray
    Y_nm: FloatArray
    S_nm: FloatArray
    unmeasured: tuple[str, ...]
    unweighted: tuple[str, ...]


def read_ratios(text: str, origin: str) -> NamedRows:
    """Read a table of weights.

    Args:
        text: CSV with a header.
        origin: Name of the file, for messages.

    Raises:
        SpecError: A cell or a row is not what it must be; the message names file and line.
    """
    table, lines = _read(text, origin, lambda _: _weight)
    total_n = table.values.sum(axis=1)
    for line, run, total in zip(lines, table.runs, total_n, strict=True):
        if abs(total - 1) > ROUNDING:
            raise SpecError(
                f"the weights of run {run!r} sum to {total:.6g}",
                hint=f"Weights are shares: make each row sum to 1, within {ROUNDING:g}."
                + (" Divide percentages by 100." if abs(total - 100) < 1 else ""),
                where=f"{origin}:{line}",
            )
    if len(table.columns) < 2:
        raise SpecError(
            f"there is one domain, {table.columns[0]}",
            hint="A mixture needs two domains or more, each a column.",
            where=f"{origin}:1",
        )
    return NamedRows(runs=table.runs, columns=table.columns, values=table.values / total_n[:, None])


def read_metrics(text: str, origin: str) -> Measurements:
    """Read a table of metrics: an empty cell or `nan` is not measured, or a sem not known.

    Args:
        text: CSV with a header.
        origin: Name of the file, for messages.

    Raises:
        SpecError: A cell or a row is not what it must be; the message names file and line.
    """
    table, _ = _read(text, origin, lambda column: _sem if column.endswith(SEM) else _metric)
    of = dict(zip(table.columns, table.values.T, strict=True))
    metrics = tuple(name for name in table.columns if not name.endswith(SEM))
    for name in table.columns:
        if name.endswith(SEM) and name.removesuffix(SEM) not in metrics:
            raise SpecError(
                f"there is {name}, and no metric {name.removesuffix(SEM)!r}",
                hint=f"A column METRIC{SEM} holds the standard errors of a column METRIC: add that "
                "one, or rename this one.",
                where=f"{origin}:1",
            )
    for name in metrics:
        if np.isnan(of[name]).all():
            raise SpecError(
                f"no run has a value of {name}",
                hint="Remove the column, or fill in what was measured.",
                where=f"{origin}:1",
            )
    unknown = np.zeros(len(table.runs))
    return Measurements(
        runs=table.runs,
        metrics=metrics,
        values=np.column_stack([of[name] for name in metrics]),
        sems=np.column_stack([of.get(name + SEM, unknown) for name in metrics]),
    )


def join(ratios: NamedRows, metrics: Measurements) -> Runs:
    """Join weights and metrics of the same runs.

    Raises:
        SpecError: No run is in both, or none of those has a value of a metric.
    """
    row_of = {run: row for row, run in enumerate(metrics.runs)}
    both = [row for row, run in enumerate(ratios.runs) if run in row_of]
    if not both:
        raise SpecError(
            "no run is in both tables",
            hint=f"The weights begin with run {ratios.runs[0]!r}, the metrics with "
            f"{metrics.runs[0]!r}: give one run one name.",
        )
    rows = [row_of[ratios.runs[row]] for row in both]
    Y_nm = metrics.values[rows]
    for name, column in zip(metrics.metrics, Y_nm.T, strict=True):
        if np.isnan(column).all():
            raise SpecError(
                f"no run with weights has a value of {name}",
                hint="Remove the column from the metrics, or add the runs' weights.",
            )
    known = set(ratios.runs)
    return Runs(
        runs=tuple(ratios.runs[row] for row in both),
        domains=ratios.columns,
        metrics=metrics.metrics,
        W_nd=ratios.values[both],
        Y_nm=Y_nm,
        S_nm=metrics.sems[rows],
        unmeasured=tuple(run for run in ratios.runs if run not in row_of),
        unweighted=tuple(run for run in metrics.runs if run not in known),
    )


def _read(
    text: str, origin: str, parser_of: Callable[[str], _Parser]
) -> tuple[NamedRows, tuple[int, ...]]:
    """Return the table, each column read by its own parser, and the line of each row."""
    rows = _rows(text, origin)
    line, header = next(rows, (1, []))
    names = [name.strip() for name in header]
    if RUN not in names:
        raise SpecError(
            "there is no column `run`",
            hint=f"The first line names the columns, separated by commas; `{RUN}` names each row's "
            "run." + (" Here `index` may be it." if "index" in names else ""),
            where=f"{origin}:{line}",
        )
    repeated = {name for name in names if name not in SKIPPED and names.count(name) > 1}
    if repeated:
        raise SpecError(
            f"two columns are named {min(repeated)}",
            hint="Give each column a name of its own.",
            where=f"{origin}:{line}",
        )
    kept = [i for i, name in enumerate(names) if name not in (*SKIPPED, RUN)]
    if not kept:
        raise SpecError(
            "there is no column beside `run`",
            hint="Add one column for each domain (weights) or metric (metrics).",
            where=f"{origin}:{line}",
        )
    lines, values = {}, []
    for line, cells in rows:
        where = f"{origin}:{line}"
        if len(cells) != len(names):
            raise SpecError(
                f"the row has {len(cells)} cells, the header {len(names)}",
                hint="Every row needs as many cells as the header; a text with a comma, quotes.",
                where=where,
            )
        run = cells[names.index(RUN)].strip()
        if not run or run in lines:
            raise SpecError(
                f"two rows are of run {run!r}" if run else "the row's `run` is empty",
                hint="Each row is of one run: give it a name of its own.",
                where=where,
            )
        lines[run] = line
        values.append([_number(cells[i], names[i], parser_of(names[i]), where) for i in kept])
    if not values:
        raise SpecError(
            "there is no row below the header", hint="Add one row a run.", where=f"{origin}:1"
        )
    columns = tuple(names[i] for i in kept)
    table = NamedRows(runs=tuple(lines), columns=columns, values=np.array(values))
    return table, tuple(lines.values())


def _rows(text: str, origin: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows that are not blank, each with its line."""
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff")), strict=True)
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                yield reader.line_num, row
    except csv.Error as error:
        raise SpecError(
            f"this is not CSV: {error}",
            hint="Separate cells by commas; close every quote.",
            where=f"{origin}:{reader.line_num}",
        ) from error


def _number(cell: str, column: str, parse: _Parser, where: str) -> float:
    try:
        return parse(cell.strip())
    except ValueError as error:
        raise SpecError(
            f"{column}: {cell.strip()!r} {error}", hint=_HINT[parse], where=where
        ) from None


def _weight(cell: str) -> float:
    value = _parsed(cell)
    if not math.isfinite(value):
        raise ValueError("is not a number")
    if value < 0:
        raise ValueError("is negative")
    return value


def _metric(cell: str) -> float:
    if not cell:
        return math.nan
    value = _parsed(cell)
    if math.isinf(value):
        raise ValueError("is not finite")
    if abs(value) > LARGEST:
        raise ValueError("is too large")
    return value


def _sem(cell: str) -> float:
    value = _metric(cell)
    if value < 0:
        raise ValueError("is negative")
    return 0.0 if math.isnan(value) else value


def _parsed(cell: str) -> float:
    if "_" in cell:  # Python reads 1_0 as 10, nobody else does
        raise ValueError("is not a number")
    try:
        return float(cell)
    except ValueError:
        raise ValueError("is not a number") from None


_HINT: dict[_Parser, str] = {
    _weight: "A weight is a number from 0 to 1. Columns that are no domains may be named `name` "
    "or `index`.",
    _metric: "A metric is a number; leave the cell empty where it was not measured. Columns that "
    "are no metrics may be named `name` or `index`.",
    _sem: "A standard error is 0 or more; leave the cell empty where it is not known.",
}
