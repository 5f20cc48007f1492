"""`mixatlas status`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
from rich.console import Console, Group
from rich.live import Live

from mixatlas.adapters.clock import SystemClock
from mixatlas.cli.documents import dir_option, file_option, output_option, read_document
from mixatlas.cli.screen import describe_status
from mixatlas.contract.errors import SearchFailed
from mixatlas.local.state import StateFolder

REFRESH_S = 1.0


@click.command()
@file_option
@dir_option
@output_option("table", "json")
@click.option("-w", "--watch", is_flag=True, help="Go on until the search has finished.")
def command(file: Path, folder: Path | None, output: str, watch: bool) -> None:
    """Show how a search stands; `-o json` prints the whole resource with its status."""
    state = StateFolder.of(file, read_document(file).metadata.name, folder)
    resource = _read(state, file)
    if output == "json":
        click.echo(json.dumps(resource, indent=2, ensure_ascii=False))
    elif watch:
        _watch(state, file)
    else:
        Console(highlight=False, width=80).print(_shown(resource))


def _read(state: StateFolder, file: Path) -> dict[str, Any]:
    resource = state.read_status()
    if resource is None:
        raise SearchFailed("this search has not been run here", hint=f"mixatlas run -f {file}")
    return resource


def _watch(state: StateFolder, file: Path) -> None:
    clock = SystemClock()
    with Live(console=Console(highlight=False), auto_refresh=False) as live:
        while True:
            resource = _read(state, file)
            live.update(_shown(resource), refresh=True)
            conditions = resource["status"]["conditions"]
            if any(c["type"] == "Finished" and c["status"] == "True" for c in conditions):
                return
            clock.wait(REFRESH_S)


def _shown(resource: dict[str, Any]) -> Group:
    return describe_status(resource["metadata"]["name"], resource["status"])
