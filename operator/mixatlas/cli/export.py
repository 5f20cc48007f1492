"""`mixatlas export mixture` and `mixatlas export trials`."""

from __future__ import annotations

from pathlib import Path

import click

from mixatlas.cli.documents import dir_option, file_option, output_option, read_document
from mixatlas.contract.errors import SearchFailed
from mixatlas.export.mixture import mixture_csv, mixture_json
from mixatlas.ledger.records import mixture_of
from mixatlas.local.place import look_at
from mixatlas.plan.finish import latest_winner
from mixatlas.report.exports import trials_csv, trials_json
from mixatlas.report.tables import trial_rows


@click.group()
def command() -> None:
    """Write the winner's mixture, or all trials, for other programs."""


@command.command()
@file_option
@dir_option
@click.option(
    "--format", "form", type=click.Choice(["csv", "json"]), default="csv", show_default=True
)
def mixture(file: Path, folder: Path | None, form: str) -> None:
    """Write the winner. Weights are shares of tokens; sample weights are given beside them."""
    with look_at(read_document(file), file, folder) as seen:
        winner = latest_winner(seen.observed)
        if winner is None:
            raise SearchFailed(
                "there is no winner yet", hint=f"Go on with `mixatlas run -f {file}`."
            )
        chosen = mixture_of(winner.mixture, seen.observed.accepted.space.domains)
        render = mixture_csv if form == "csv" else mixture_json
        click.echo(render(chosen, seen.tokens_a_sample), nl=False)


@command.command()
@file_option
@dir_option
@output_option("csv", "json")
def trials(file: Path, folder: Path | None, output: str) -> None:
    """Write all trials with weights and scores."""
    with look_at(read_document(file), file, folder) as seen:
        rows = trial_rows(seen.observed)
        click.echo(trials_csv(rows) if output == "csv" else trials_json(rows), nl=False)
