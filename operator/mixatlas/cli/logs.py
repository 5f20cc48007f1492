"""`mixatlas logs TRIAL`."""

from __future__ import annotations

from pathlib import Path

import click

from mixatlas.cli.documents import dir_option, file_option, read_document
from mixatlas.contract.errors import SearchFailed
from mixatlas.local.place import look_at


@click.command()
@click.argument("trial", type=int)
@file_option
@dir_option
def command(trial: int, file: Path, folder: Path | None) -> None:
    """Print the log of a trial: of each attempt that stored one, the oldest first."""
    with look_at(read_document(file), file, folder) as seen:
        logs = seen.logs(trial)
    if not logs:
        raise SearchFailed(
            f"trial {trial} has stored no log", hint="`mixatlas trials` lists the trials."
        )
    for name, text in logs:
        click.echo(f"==> {name} <==")
        click.echo(text)
