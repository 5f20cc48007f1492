"""`mixatlas cancel`."""

from __future__ import annotations

import click

from mixatlas.cli.clusters import change, cluster_options
from mixatlas.controller.verbs import CANCEL


@click.command()
@click.argument("name")
@cluster_options
def command(name: str, context: str | None, namespace: str | None) -> None:
    """End the search NAME now: trials that run are ended, and there is no winner.

    Its ledger stays. `mixatlas stop` ends a search with a winner.
    """
    change(name, context, namespace, CANCEL)
