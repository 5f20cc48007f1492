"""The state folder and its lock."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from mixatlas.contract.errors import SearchLocked
from mixatlas.local.state import Lock, StateFolder, write_whole

HOLDER = """\
import sys
from pathlib import Path
from mixatlas.local.state import Lock, StateFolder
with Lock(StateFolder(Path(sys.argv[1]))):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def state(tmp_path: Path) -> StateFolder:
    return StateFolder(tmp_path / "state")


def test_a_search_lives_beside_its_document() -> None:
    document = Path("/searches/llava.yaml")
    assert StateFolder.of(document, "llava", None).path == Path("/searches/.mixatlas/llava")
    assert StateFolder.of(document, "llava", Path("/elsewhere")).path == Path("/elsewhere")


def test_a_search_keeps_its_identity(state: StateFolder) -> None:
    assert state.uid() == state.uid()
    assert StateFolder(state.path).uid() == state.uid()


def test_two_searches_differ(state: StateFolder, tmp_path: Path) -> None:
    assert state.uid() != StateFolder(tmp_path / "other").uid()


def test_there_is_no_status_before_the_first_run(state: StateFolder) -> None:
    assert state.read_status() is None


def test_a_status_is_read_as_written(state: StateFolder) -> None:
    write_whole(state.status, b'{"status": {"summary": {"status": "Searching"}}}')
    assert state.read_status() == {"status": {"summary": {"status": "Searching"}}}


def test_a_file_is_replaced_whole_with_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "secret"
    write_whole(path, b"a long first version", 0o600)
    write_whole(path, b"second", 0o600)
    assert path.read_bytes() == b"second"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["secret"]


def test_a_lock_is_free_again_after_the_run(state: StateFolder) -> None:
    for _ in range(2):
        with Lock(state):
            pass


def test_a_second_run_is_refused_and_told_who_runs(state: StateFolder) -> None:
    with (
        Lock(state),
        pytest.raises(SearchLocked, match=r"run by process \d+") as raised,
        Lock(state),
    ):
        pass
    assert "mixatlas status -w" in raised.value.hint


@pytest.mark.slow
def test_a_lock_goes_with_a_process_that_is_killed(state: StateFolder) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(state.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    with pytest.raises(SearchLocked, match=rf"process {holder.pid}\b"), Lock(state):
        pass
    holder.kill()
    holder.communicate()
    with Lock(state):
        pass
