"""Running a search for a person: live progress, the answer, the exit code."""

from __future__ import annotations

import io
from pathlib import Path

from rich.console import Console

from mixatlas.cli.documents import places_in
from mixatlas.cli.progress import ScreenSink
from mixatlas.cli.screen import print_answer
from mixatlas.contract.exit_codes import CliExit
from mixatlas.local.search import Ended, LocalRun, run_search
from mixatlas.local.state import StateFolder
from mixatlas.plan.plan import why_finished
from mixatlas.spec.model import MixtureSearch

OK_REASONS = ("Succeeded", "NoGainShown")


def run_here(search: MixtureSearch, file: Path, state: StateFolder) -> int:
    """Run a search to its end, or until it is interrupted; return the exit code."""
    console = Console(highlight=False, width=None if Console().is_terminal else 80)
    with places_in(file), ScreenSink(console, state, search) as sink:
        ended = run_search(LocalRun(search=search, state=state, sink=sink))
        sink.keep_report(ended.observed)
    return _conclude(console, ended, file, state)


def _conclude(console: Console, ended: Ended, file: Path, state: StateFolder) -> int:
    """Print how it ended and what to do next; return the exit code."""
    reason = why_finished(ended.observed)
    if reason is None:
        console.print(f"\nInterrupted. To go on: mixatlas run -f {file}", soft_wrap=True)
        return int(CliExit.INTERRUPTED)
    if reason.name not in OK_REASONS:
        console.print(f"\n{reason.name}: {reason.message}", soft_wrap=True)
        return int(CliExit.SEARCH_FAILED)
    plain = Console(file=io.StringIO(), width=80, highlight=False, color_system=None)
    for each in (console, plain):
        print_answer(each, ended.observed, report=str(state.report))
        each.print("Next: train with the winner:")
        each.print(f"  mixatlas export mixture -f {file} --format json", soft_wrap=True)
    state.keep_answer(_text(plain))
    return int(CliExit.OK)


def _text(console: Console) -> str:
    if not isinstance(console.file, io.StringIO):
        raise TypeError("the console prints elsewhere")
    return console.file.getvalue()
