"""What every status sink promises its driver: the recording one, and the screen's."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from fakes import RecordingSink
from mixatlas.cli.progress import ScreenSink
from mixatlas.driver.ports import StatusSink
from mixatlas.local.state import StateFolder
from scenario import World, a_document

Told = Callable[[], tuple[dict[str, Any], list[str]]]
"""Returns the last status and the events as lines."""


@pytest.fixture(params=["recording", "screen"])
def sink_and_told(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[StatusSink, Told]:
    if request.param == "recording":
        recording = RecordingSink()
        return recording, lambda: (
            recording.statuses[-1],
            [f"{reason}: {message}" for reason, message in recording.events],
        )
    screen, state = io.StringIO(), StateFolder(tmp_path / "state")
    sink = ScreenSink(Console(file=screen, width=80), state, a_document())

    def told() -> tuple[dict[str, Any], list[str]]:
        status = json.loads(state.status.read_bytes())["status"]
        return status, [line.partition(" ")[2] for line in screen.getvalue().splitlines()]

    return sink, told


def test_the_last_status_stands(sink_and_told: tuple[StatusSink, Told]) -> None:
    sink, told = sink_and_told
    sink.write({"counts": {"ok": 1}, "gain": "+0.021±0.008"})
    sink.write({"counts": {"ok": 2}, "gain": "+0.022±0.008"})
    assert told()[0] == {"counts": {"ok": 2}, "gain": "+0.022±0.008"}


def test_events_are_told_in_order_and_as_they_are(sink_and_told: tuple[StatusSink, Told]) -> None:
    sink, told = sink_and_told
    sink.write({})
    long = "trial 3 ended [bold]badly[/bold] " + "x" * 200
    sink.event("TrialEnded", long)
    sink.event("RoundRecorded", "round 2")
    assert told()[1] == [f"TrialEnded: {long}", "RoundRecorded: round 2"]


def test_a_whole_search_can_be_told(sink_and_told: tuple[StatusSink, Told]) -> None:
    sink, told = sink_and_told
    world = World()
    world.run()
    for status in world.sink.statuses:
        sink.write(status)
    assert told()[0] == world.sink.statuses[-1]
