"""`mixatlas run`."""

from __future__ import annotations

from pathlib import Path

import click

from mixatlas.cli.documents import dir_option, file_option, read_document
from mixatlas.local.state import StateFolder


@click.command()
@file_option
@dir_option
def command(file: Path, folder: Path | None) -> None:
    """Run a search on this machine, or go on with it where it was.

    Ctrl-C lets running trials take a checkpoint; the same command goes on.
    """
    search = read_document(file)
    state = StateFolder.of(file, search.metadata.name, folder)
    answer = state.read_answer(search.to_plain()["spec"])
    if answer is not None:
        click.echo(answer, nl=False)
        return
    # Loaded only when there is something to run: a finished search answers at once.
    from mixatlas.cli.running import run_here

    raise click.exceptions.Exit(run_here(search, file, state))
