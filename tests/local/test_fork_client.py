"""One fork server: every trial's end is told once, whoever ends first."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from queue import Queue

import pytest

from mixatlas.local.fork_client import End, ForkServer
from processes import until

pytestmark = pytest.mark.slow

TESTS = Path(__file__).parents[1]


@pytest.fixture
def ends() -> Queue[End]:
    return Queue()


@pytest.fixture
def server(tmp_path: Path, ends: Queue[End]) -> Iterator[ForkServer]:
    server = a_server(tmp_path, ends, "runner_entries:main")
    yield server
    server.close()


def a_server(folder: Path, ends: Queue[End], entry: str) -> ForkServer:
    environ = {**os.environ, "PYTHONPATH": str(TESTS)}
    return ForkServer(entry, environ=environ, log=folder / "server.log", on_end=ends.put)


def start(server: ForkServer, folder: Path, name: str, what: str) -> bool:
    environ = {"MIXATLAS_TRIAL": f"s3://bucket/{what}"}
    return server.start(name, environ=environ, log=folder / f"{name}.log")


def test_many_trials_end_each_with_its_own_code(
    server: ForkServer, tmp_path: Path, ends: Queue[End]
) -> None:
    codes = {f"trial-{i}": i for i in range(40)}
    for name, code in codes.items():
        assert start(server, tmp_path, name, f"exit:{code}")
    told = [ends.get(timeout=60) for _ in codes]
    assert {end.name: end.code for end in told} == codes


def test_closing_tells_of_what_was_running(
    server: ForkServer, tmp_path: Path, ends: Queue[End]
) -> None:
    start(server, tmp_path, "endless", "stubborn:")
    until(lambda: (tmp_path / "endless.log").exists())
    server.close()
    end = ends.get_nowait()
    assert (end.name, end.code) == ("endless", None)
    assert ends.empty()


def test_a_server_that_has_ended_takes_no_order(
    server: ForkServer, tmp_path: Path, ends: Queue[End]
) -> None:
    server.close()
    assert not start(server, tmp_path, "late", "exit:0")
    assert ends.empty()


def test_a_server_that_never_came_up_fails_its_trials(tmp_path: Path, ends: Queue[End]) -> None:
    server = a_server(tmp_path, ends, "runner_entries:no_such_function")
    start(server, tmp_path, "trial", "exit:0")
    end = ends.get(timeout=60)
    server.close()
    assert end.code == 1
    assert "no_such_function" in end.message
