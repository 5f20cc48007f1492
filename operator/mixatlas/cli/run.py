"""`mixatlas run`."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

from mixatlas.cli.documents import dir_option, file_option, read_document
from mixatlas.cli.progress import ScreenSink
from mixatlas.cli.screen import print_answer
from mixatlas.contract.exit_codes import CliExit
from mixatlas.local.search import Ended, LocalRun, run_search
from mixatlas.local.state import StateFolder
from mixatlas.plan.plan import why_finished

OK_REASONS = ("Succeeded", "NoGainShown")


@click.command()
@file_option
@dir_option
def command(file: Path, folder: Path | None) -> None:
    """Run a search on this machine, or go on with it where it was.

    Ctrl-C lets running trials take a checkpoint; the same command goes on.
    """
    search = read_document(file)
    state = StateFolder.of(file, search.metadata.name, folder)
    console = Console(highlight=False, width=None if Console().is_terminal else 80)
    with ScreenSink(console, state, search) as sink:
        ended = run_search(LocalRun(search=search, state=state, sink=sink))
        sink.keep_report(ended.observed)
    raise click.exceptions.Exit(_conclude(console, ended, file, state))


def _conclude(console: Console, ended: Ended, file: Path, state: StateFolder) -> int:
    """Print how it ended and what to do next; return the exit code."""
    reason = why_finished(ended.observed)
    if reason is None:
        console.print(f"\nInterrupted. To go on: mixatlas run -f {file}", soft_wrap=True)
        return int(CliExit.INTERRUPTED)
    if reason.name not in OK_REASONS:
        console.print(f"\n{reason.name}: {reason.message}", soft_wrap=True)
        return int(CliExit.SEARCH_FAILED)
    print_answer(console, ended.observed, report=str(state.report))
    console.print("Next: train with the winner:", soft_wrap=True)
    console.print(f"  mixatlas export mixture -f {file} --format json", soft_wrap=True)
    return int(CliExit.OK)
