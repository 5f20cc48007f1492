"""`mixatlas plan`."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from mixatlas.cli.documents import dir_option, file_option, places_in, read_document
from mixatlas.cli.screen import shorten
from mixatlas.contract.mixture import PPM
from mixatlas.driver.preview import Preview, preview
from mixatlas.local.place import ledger_beside, open_store
from mixatlas.local.state import StateFolder


@click.command()
@file_option
@dir_option
def command(file: Path, folder: Path | None) -> None:
    """Show the feasible region, the first round and the trainings; nothing is written."""
    search = read_document(file)
    state = StateFolder.of(file, search.metadata.name, folder)
    with places_in(file), open_store(search, state) as (store, _):
        found = preview(store, search, find_ledger=partial(ledger_beside, state))
    console = Console(highlight=False, width=None if Console().is_terminal else 80)
    console.print(_region(found))
    console.print(_first_round(found, console.width))
    for line in _trainings(found):
        console.print(line)


def _region(found: Preview) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", title_justify="left")
    table.add_column("DOMAIN", no_wrap=True)
    for name in ("TOKENS", "NATURAL", "LEAST", "MOST", "EPOCHS*"):
        table.add_column(name, justify="right")
    space = found.accepted.space
    rows = zip(
        space.domains, space.tokens, space.natural.ppm, space.lower, space.upper, strict=True
    )
    for name, tokens, natural, lower, upper in rows:
        table.add_row(
            name,
            f"{tokens:,}",
            f"{natural / PPM:.4f}",
            f"{lower / PPM:.4f}",
            f"{upper / PPM:.4f}",
            f"{found.epochs[name]:.2f}",
        )
    table.caption = "* of a trial at the natural mixture"
    table.caption_justify = "left"
    return table


def _first_round(found: Preview, width: int) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for name in ("ROUND 1", "WHY", "LARGEST WEIGHTS"):
        table.add_column(name, no_wrap=True)
    half = (width - 10) // 2
    for number, trial in enumerate(found.first_round, start=1):
        top = sorted(trial.mixture.parts, key=lambda part: -part[1])[:3]
        weights = ", ".join(f"{name} {part / PPM:.2f}" for name, part in top)
        table.add_row(str(number), shorten(trial.why, half), shorten(weights, half))
    return table


def _trainings(found: Preview) -> list[str]:
    lines = [f"{count:>6} trainings: {what}" for what, count in found.trainings.items()]
    lines.append(f"{sum(found.trainings.values()):>6} in all, {found.tokens:,} tokens")
    if found.n_taken:
        lines.append(f"{found.n_taken:>6} trials taken over from earlier searches")
    lines.extend(f"       {source.told}" for source in found.accepted.warm_start.sources)
    if found.of_target is not None:
        lines.append(f"       {100 * found.of_target:.3g} % of the target run's tokens")
    return lines
