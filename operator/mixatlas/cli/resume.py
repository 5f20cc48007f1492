"""`mixatlas resume`."""

from __future__ import annotations

import click

from mixatlas.cli.clusters import change, cluster_options
from mixatlas.controller.verbs import RESUME


@click.command()
@click.argument("name")
@cluster_options
def command(name: str, context: str | None, namespace: str | None) -> None:
    """Let the search NAME go on: take back `suspend`, `stop` or `cancel`.

    What was stopped or cancelled proposes mixtures again, up to `search.maxTrials`.
    """
    change(name, context, namespace, RESUME)
