"""`mixatlas status`."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import click
from rich.console import Console, Group
from rich.live import Live

from mixatlas.adapters.clock import SystemClock
from mixatlas.cli.clusters import Where, where_options
from mixatlas.cli.documents import output_option, read_document
from mixatlas.cli.screen import describe_status
from mixatlas.contract.errors import SearchFailed
from mixatlas.controller.verbs import find_search, finished_reason
from mixatlas.local.state import StateFolder

REFRESH_S = 1.0
Read = Callable[[], dict[str, Any]]
"""Reads the resource with its status."""


@click.command()
@click.argument("name", required=False)
@where_options
@output_option("table", "json")
@click.option("-w", "--watch", is_flag=True, help="Go on until the search has finished.")
def command(where: Where, output: str, watch: bool) -> None:
    """Show how a search stands; `-o json` prints the whole resource with its status.

    NAME is a search on a cluster. Without NAME it is the search that -f runs here.
    """
    read = _here(where) if where.name is None else _on_cluster(where, where.name)
    if output == "json":
        click.echo(json.dumps(read(), indent=2, ensure_ascii=False))
    elif watch:
        _watch(read)
    else:
        Console(highlight=False, width=80).print(_shown(read()))


def _here(where: Where) -> Read:
    state = StateFolder.of(where.file, read_document(where.file).metadata.name, where.folder)

    def read() -> dict[str, Any]:
        resource = state.read_status()
        if resource is None:
            raise SearchFailed(
                "this search has not been run here", hint=f"mixatlas run -f {where.file}"
            )
        return resource

    return read


def _on_cluster(where: Where, name: str) -> Read:
    access = where.open_cluster()
    return lambda: find_search(access, name)


def _watch(read: Read) -> None:
    clock = SystemClock()
    with Live(console=Console(highlight=False), auto_refresh=False) as live:
        while True:
            resource = read()
            live.update(_shown(resource), refresh=True)
            if finished_reason(resource) is not None:
                return
            clock.wait(REFRESH_S)


def _shown(resource: dict[str, Any]) -> Group:
    return describe_status(resource["metadata"]["name"], resource.get("status") or {})
