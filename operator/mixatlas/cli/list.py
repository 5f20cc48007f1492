"""`mixatlas list`."""

from __future__ import annotations

import json

import click
from rich.console import Console

from mixatlas.cli.clusters import cluster_options, open_cluster
from mixatlas.cli.documents import output_option
from mixatlas.cli.screen import searches_table
from mixatlas.controller.verbs import searches_of, table_of


@click.command()
@cluster_options
@click.option("-A", "--all-namespaces", is_flag=True, help="Of all namespaces.")
@output_option("table", "json")
def command(context: str | None, namespace: str | None, all_namespaces: bool, output: str) -> None:
    """List the searches of a namespace, as `kubectl get mxs` does."""
    access = open_cluster(context, namespace)
    if output == "json":
        found = searches_of(access, everywhere=all_namespaces)
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    table = table_of(access, everywhere=all_namespaces)
    if not table["rows"]:
        where = "any namespace" if all_namespaces else f"namespace {access.namespace}"
        click.echo(f"There is no search in {where}.", err=True)
        return
    console = Console(width=None if Console().is_terminal else 120, highlight=False)
    console.print(searches_table(table, with_namespaces=all_namespaces))
