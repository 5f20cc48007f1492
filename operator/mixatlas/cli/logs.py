"""`mixatlas logs [NAME] TRIAL`."""

from __future__ import annotations

import os

import click

from mixatlas.cli.clusters import Where, where_options
from mixatlas.cli.documents import read_document
from mixatlas.contract.errors import SearchFailed
from mixatlas.driver.seen import stored_logs
from mixatlas.local.place import look_at


def _at_most_one(_: click.Context, __: click.Parameter, names: tuple[str, ...]) -> str | None:
    if len(names) > 1:
        raise click.UsageError("Give at most one NAME, then the number of a TRIAL.")
    return names[0] if names else None


@click.command()
@click.argument("name", nargs=-1, metavar="[NAME]", callback=_at_most_one)
@click.argument("trial", type=int)
@where_options
def command(where: Where, trial: int) -> None:
    """Print the logs of a trial: of every attempt, the oldest first.

    NAME is a search on a cluster: while the trial is open its pods are asked, afterwards the
    ledger, with your own AWS credentials. Without NAME it is the search that -f runs here.
    """
    logs = _here(where, trial) if where.name is None else _on_cluster(where, where.name, trial)
    if not logs:
        raise SearchFailed(
            f"trial {trial} has stored no log", hint="`mixatlas trials` lists the trials."
        )
    for name, text in logs:
        click.echo(f"==> {name} <==")
        click.echo(text)


def _here(where: Where, trial: int) -> list[tuple[str, str]]:
    with look_at(read_document(where.file), where.file, where.folder) as seen:
        return stored_logs(seen.store, seen.observed.accepted.layout, trial)


def _on_cluster(where: Where, name: str, trial: int) -> list[tuple[str, str]]:
    access = where.open_cluster()
    from mixatlas.controller.look import logs_of

    return logs_of(access, name, trial, os.environ)
