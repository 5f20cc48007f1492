"""`mixatlas doctor`."""

from __future__ import annotations

import os

import click

from mixatlas.cli.clusters import cluster_options, open_cluster
from mixatlas.contract.exit_codes import CliExit


@click.command()
@cluster_options
@click.option(
    "--operator-namespace",
    default="mixatlas",
    show_default=True,
    help="Where to look for the operator, if you may not look everywhere.",
)
def command(context: str | None, namespace: str | None, operator_namespace: str) -> None:
    """Look for what keeps searches from running; nothing is changed.

    Prints ✓ for what is right, ✗ with a remedy for what is not, – for what cannot be told, and
    ends with code 1 if there is any ✗. The store is looked at where AWS_ENDPOINT_URL_S3 is set.
    """
    access = open_cluster(context, namespace)
    # Loaded here: it needs the Kubernetes client, whose absence `open_cluster` reports.
    from mixatlas.controller.doctor import examine
    from mixatlas.controller.findings import Mark

    is_bad = False
    for finding in examine(access, operator_namespace=operator_namespace, environ=os.environ):
        click.echo(f"{finding.mark} {finding.text}")
        if finding.remedy:
            click.echo(f"  {finding.remedy}")
        is_bad |= finding.mark is Mark.BAD
    raise click.exceptions.Exit(CliExit.UNHEALTHY if is_bad else CliExit.OK)
