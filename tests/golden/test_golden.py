"""What people and programs read, word for word. `make golden` rewrites the files."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from mixatlas.cli.screen import describe_status, print_answer
from mixatlas.cli.trials import trials_table
from mixatlas.export.mixture import mixture_csv, mixture_json
from mixatlas.ledger.records import cells_of
from mixatlas.plan.observed import Observed
from mixatlas.plan.status import describe
from mixatlas.report.exports import trials_csv, trials_json
from mixatlas.report.page import render_report
from mixatlas.report.tables import trial_rows
from scenario import World

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def finished() -> Observed:
    return World().run()


def on_screen(draw: Callable[[Console], None]) -> str:
    console = Console(file=io.StringIO(), width=80, highlight=False, color_system=None)
    draw(console)
    assert isinstance(console.file, io.StringIO)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines()) + "\n"


def status(observed: Observed) -> str:
    plain, _ = describe(observed, 0.0)
    return on_screen(lambda console: console.print(describe_status("golden", plain)))


def status_while_searching(observed: Observed) -> str:
    world = World()
    driver = world.driver()
    while len(world.runner.started) < 5:
        seen, _ = driver.run_pass()
    plain, _ = describe(seen, 0.0)
    return on_screen(lambda console: console.print(describe_status("golden", plain)))


def answer(observed: Observed) -> str:
    return on_screen(lambda console: print_answer(console, observed, report="report.html"))


def trials(observed: Observed) -> str:
    return on_screen(lambda console: console.print(trials_table(trial_rows(observed), 80)))


def report_skeleton(observed: Observed) -> str:
    page = re.sub(r"<svg.*?</svg>", "<svg/>", render_report(observed).decode(), flags=re.DOTALL)
    return re.sub(r"<style>.*?</style>", "<style/>", page, flags=re.DOTALL)


def mixture(observed: Observed) -> str:
    chosen = cells_of(observed.winners[-1].mixture)
    tokens = dict.fromkeys(chosen.domains, 20.0)
    return mixture_csv(chosen, tokens) + "\n" + mixture_json(chosen, tokens)


def rounded(text: str) -> str:
    """Return a text with its numbers to 12 digits: the last bits are the processor's."""
    return re.sub(r"\d\.\d{12,}", lambda number: f"{float(number.group()):.12g}", text)


GOLDEN: dict[str, Callable[[Observed], str]] = {
    "status.txt": status,
    "status-searching.txt": status_while_searching,
    "answer.txt": answer,
    "report.html": report_skeleton,
    "mixture.txt": mixture,
    "trials.txt": trials,
    "trials.csv": lambda observed: rounded(trials_csv(trial_rows(observed))),
    "trials.json": lambda observed: rounded(trials_json(trial_rows(observed), is_stable=True)),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_as_recorded(name: str, finished: Observed, request: pytest.FixtureRequest) -> None:
    text, path = GOLDEN[name](finished), HERE / name
    if request.config.getoption("--rewrite-golden"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8"), f"{name} differs; `make golden` rewrites it"


@pytest.mark.parametrize("name", ["status.txt", "status-searching.txt", "answer.txt", "trials.txt"])
def test_eighty_columns(name: str) -> None:
    assert max(len(line) for line in (HERE / name).read_text().splitlines()) <= 80
