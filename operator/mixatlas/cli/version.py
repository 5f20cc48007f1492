"""`mixatlas version`."""

from __future__ import annotations

import click

from mixatlas import __version__


@click.command()
def command() -> None:
    """Print the version."""
    click.echo(f"mixatlas {__version__}")
