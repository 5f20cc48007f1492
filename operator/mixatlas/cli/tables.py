"""Options of the commands that work on tables of finished runs, and the reading of their files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from mixatlas.cli.documents import read_text
from mixatlas.contract.errors import SpecError
from mixatlas.surrogate.quality import doubts
from mixatlas.surrogate.runs import NamedRows, Runs, join, read_metrics, read_ratios

F = TypeVar("F", bound=Callable[..., Any])

HINT = "Give a CSV file in UTF-8 with a column `run`."


def tables_options(function: F) -> F:
    """Add `--ratios FILE` and `--metrics FILE`."""
    file = click.Path(path_type=Path)
    options = (
        click.option("--ratios", type=file, required=True, help="CSV: a row a run, weights."),
        click.option("--metrics", type=file, required=True, help="CSV: a row a run, measurements."),
    )
    for option in reversed(options):
        function = option(function)
    return function


def metric_option(function: F) -> F:
    """Add `--benchmark NAME`, which may be repeated."""
    return click.option(
        "--benchmark",
        "benchmarks",
        multiple=True,
        metavar="NAME",
        help="Take this metric only; may be repeated.",
    )(function)


def read_ratios_file(path: Path) -> NamedRows:
    """Read a file of weights."""
    return read_ratios(read_text(path, hint=HINT), str(path))


def read_runs(ratios: Path, metrics: Path, benchmarks: Sequence[str]) -> Runs:
    """Read two tables and join them.

    Args:
        ratios: File of weights.
        metrics: File of metrics.
        benchmarks: Metrics to take; all if empty.

    Raises:
        SpecError: A file is not what it must be, or lacks a metric that is asked for.
    """
    measured = read_metrics(read_text(metrics, hint=HINT), str(metrics))
    for name in benchmarks:
        if name not in measured.metrics:
            raise SpecError(
                f"--benchmark: {metrics} has no metric {name!r}",
                hint=f"It has {', '.join(measured.metrics)}.",
            )
    if benchmarks:
        measured = measured.only(tuple(dict.fromkeys(benchmarks)))
    return join(read_ratios_file(ratios), measured)


def warn(runs: Runs) -> None:
    """Print what is to be known of the tables to standard error."""
    for line in doubts(runs):
        click.echo(f"warning: {line}", err=True)
