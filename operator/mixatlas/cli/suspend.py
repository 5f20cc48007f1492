"""`mixatlas suspend`."""

from __future__ import annotations

import click

from mixatlas.cli.clusters import change, cluster_options
from mixatlas.controller.verbs import CHECKPOINT, SUSPEND


@click.command()
@click.argument("name")
@click.option("--checkpoint", is_flag=True, help="End what runs too, at a checkpoint.")
@cluster_options
def command(name: str, context: str | None, namespace: str | None, checkpoint: bool) -> None:
    """Start nothing new of the search NAME; what runs goes on to its end."""
    change(name, context, namespace, CHECKPOINT if checkpoint else SUSPEND)
