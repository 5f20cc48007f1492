"""`mixatlas validate FILE…`."""

from __future__ import annotations

from pathlib import Path

import click

from mixatlas.cli.documents import read_document
from mixatlas.contract.errors import SpecError
from mixatlas.contract.exit_codes import CliExit


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
def command(files: tuple[Path, ...]) -> None:
    """Check documents by themselves; what needs the corpus is checked by `plan` and `run`."""
    n_bad = 0
    for path in files:
        try:
            search = read_document(path)
        except SpecError as error:
            n_bad += 1
            click.echo(str(error), err=True)
        else:
            click.echo(f"{path}: MixtureSearch {search.metadata.name} is valid")
    if n_bad:
        raise click.exceptions.Exit(CliExit.INVALID_SPEC)
