"""`mixatlas stop`."""

from __future__ import annotations

import click

from mixatlas.cli.clusters import change, cluster_options
from mixatlas.controller.verbs import STOP


@click.command()
@click.argument("name")
@cluster_options
def command(name: str, context: str | None, namespace: str | None) -> None:
    """Propose no further mixtures for the search NAME, and come to its end.

    What runs is finished, then the best mixtures are confirmed and the winner is published. Of a
    design that has not ended all trials are still made: nothing can be said without it. A search
    that is suspended goes on, to its end.
    """
    change(name, context, namespace, STOP)
