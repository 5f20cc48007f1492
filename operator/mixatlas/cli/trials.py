"""`mixatlas trials`."""

from __future__ import annotations

import click
from rich.console import Console
from rich.table import Table

from mixatlas.cli.clusters import Where, where_options
from mixatlas.cli.documents import output_option
from mixatlas.cli.looking import look
from mixatlas.cli.screen import shorten
from mixatlas.report.exports import trials_json
from mixatlas.report.tables import TrialRow, trial_rows

WIDTH_OF_THE_REST = 64
"""Columns that all but the last take at their widest (`outOfMemory`)."""


@click.command()
@click.argument("name", required=False)
@where_options
@output_option("table", "json")
@click.option("--stable", is_flag=True, help="Leave out what differs from run to run (json).")
def command(where: Where, output: str, stable: bool) -> None:
    """List all trials of a search.

    NAME is a search on a cluster; its ledger is read with your own AWS credentials. Without NAME
    it is the search that -f runs here.
    """
    with look(where) as seen:
        rows = trial_rows(seen.observed)
    if output == "json":
        click.echo(trials_json(rows, is_stable=stable), nl=False)
    else:
        console = Console(width=None if Console().is_terminal else 80, highlight=False)
        console.print(trials_table(rows, console.width))


def trials_table(rows: tuple[TrialRow, ...], width: int) -> Table:
    """Return all trials as a table that leaves to the last column what is left of the width."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for name in ("TRIAL", "ROUND", "PURPOSE", "STATE"):
        table.add_column(name, no_wrap=True)
    for name in ("OBJECTIVE", "PREDICTED", "SECONDS"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("WHY", no_wrap=True)
    for row in rows:
        table.add_row(
            str(row.trial),
            str(row.round),
            row.purpose.value,
            row.state,
            "" if row.objective is None else f"{row.objective:.3f}",
            f"{row.predicted.mean:.3f}" if row.predicted else "",
            f"{row.seconds:.0f}" if row.seconds else "",
            shorten(row.why, max(8, width - WIDTH_OF_THE_REST)),
        )
    return table
