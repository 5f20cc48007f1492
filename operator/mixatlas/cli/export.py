"""`mixatlas export mixture` and `mixatlas export trials`."""

from __future__ import annotations

import click

from mixatlas.cli.clusters import Where, where_options
from mixatlas.cli.documents import output_option
from mixatlas.cli.looking import look
from mixatlas.contract.errors import SearchFailed
from mixatlas.export.mixture import mixture_csv, mixture_json
from mixatlas.ledger.records import cells_of
from mixatlas.plan.finish import latest_winner
from mixatlas.report.exports import trials_csv, trials_json
from mixatlas.report.tables import trial_rows


@click.group()
def command() -> None:
    """Write the winner's mixture, or all trials, for other programs."""


@command.command()
@click.argument("name", required=False)
@where_options
@click.option(
    "--format", "form", type=click.Choice(["csv", "json"]), default="csv", show_default=True
)
def mixture(where: Where, form: str) -> None:
    """Write the winner. Weights are shares of tokens; sample weights are given beside them.

    NAME is a search on a cluster; its ledger is read with your own AWS credentials. Without NAME
    it is the search that -f runs here.
    """
    with look(where) as seen:
        winner = latest_winner(seen.observed)
        if winner is None:
            remedy = f"`mixatlas status -w {where.name}` waits for it."
            if where.name is None:
                remedy = f"Go on with `mixatlas run -f {where.file}`."
            raise SearchFailed("there is no winner yet", hint=remedy)
        chosen = cells_of(winner.mixture)
        render = mixture_csv if form == "csv" else mixture_json
        click.echo(render(chosen, seen.tokens_a_sample), nl=False)


@command.command()
@click.argument("name", required=False)
@where_options
@output_option("csv", "json")
def trials(where: Where, output: str) -> None:
    """Write all trials with weights and scores.

    NAME is a search on a cluster; its ledger is read with your own AWS credentials. Without NAME
    it is the search that -f runs here.
    """
    with look(where) as seen:
        rows = trial_rows(seen.observed)
        click.echo(trials_csv(rows) if output == "csv" else trials_json(rows), nl=False)
