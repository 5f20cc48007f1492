"""Trials as real processes: how they end, what they are told, and that none outlives its driver."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mixatlas.driver.ports import StartRequest
from mixatlas.local.runner import RunnerSettings, SubprocessRunner, image_id
from mixatlas.local.state import StateFolder
from mixatlas.plan.observed import AttemptState
from processes import children, is_alive, until

TESTS = Path(__file__).parents[1]
Make = Callable[..., SubprocessRunner]


@pytest.fixture
def state(tmp_path: Path) -> StateFolder:
    return StateFolder(tmp_path)


@pytest.fixture
def make(state: StateFolder) -> Iterator[Make]:
    """Make runners that end with the test."""
    runners = []

    def make(**settings: Any) -> SubprocessRunner:
        environ = {"PYTHONPATH": str(TESTS), **settings.pop("environ", {})}
        runners.append(
            SubprocessRunner(
                state,
                RunnerSettings(
                    **{"threads": 3, "entry": "runner_entries:main", **settings}, environ=environ
                ),
            )
        )
        return runners[-1]

    yield make
    for runner in runners:
        runner.close()


def start(runner: SubprocessRunner, what: str, **changes: Any) -> str:
    """Start an attempt that does `what`, and return its name."""
    request = {
        "name": "attempt",
        "trial": 17,
        "attempt": 2,
        "digest": "d" * 64,
        "trial_uri": f"s3://bucket/{what}",
        "purpose": "initial",
    }
    runner.start(StartRequest(**{**request, **changes}))
    return str(changes.get("name", "attempt"))


def look(runner: SubprocessRunner, name: str) -> AttemptState:
    (attempt,) = [a for a in runner.observe() if a.name == name]
    return attempt


def end_of(runner: SubprocessRunner, name: str) -> AttemptState:
    until(lambda: look(runner, name).phase == "ended")
    return look(runner, name)


def pid_of(runner: SubprocessRunner, name: str) -> int:
    """Wait until an attempt has told its process id."""

    def told() -> str:
        path = runner.log_path(name)
        return path.read_text().partition("pid ")[2].strip() if path.exists() else ""

    return int(until(told))


def server_of(pid: int) -> int:
    """Return the fork server of a process."""
    (server,) = [
        c for c in children(pid) if "fork_server" in Path(f"/proc/{c}/cmdline").read_text()
    ]
    return server


@pytest.mark.slow
@pytest.mark.parametrize(
    ("what", "code", "is_signalled", "message"),
    [
        ("exit:0", 0, False, "ends with 0"),
        ("exit:44", 44, False, "ends with 44"),
        ("raise:no memory of it", 1, False, "ValueError: no memory of it"),
        ("die:9", -9, True, "killed by signal 9 (Killed)"),
        ("die:40", -40, True, "killed by signal 40 (Real-time signal 6)"),
        ("say:the scores", 45, False, "the scores"),
    ],
)
def test_an_end_is_told_with_its_reason(
    make: Make, what: str, code: int, is_signalled: bool, message: str
) -> None:
    runner = make()
    attempt = end_of(runner, start(runner, what))
    assert (attempt.exit_code, attempt.signalled) == (code, is_signalled)
    assert attempt.message.strip().endswith(message)


@pytest.mark.slow
def test_a_trial_is_told_all_it_needs_and_nothing_of_the_driver(
    make: Make, state: StateFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIXATLAS_POD_UID", "the driver's own")
    monkeypatch.setenv("MIXATLAS_CACHE_GIB", "the driver's own")
    runner = make(environ={"SCRIPT": "slow=1"})
    attempt = end_of(runner, start(runner, "tell:", micro_batch_divisor=2))
    told = json.loads(runner.log_path("attempt").read_text())
    assert told["group"] == told["pid"]
    environ = told["environ"]
    assert {k: v for k, v in environ.items() if k.startswith("MIXATLAS_")} == {
        "MIXATLAS_TRIAL": "s3://bucket/tell:",
        "MIXATLAS_TRIAL_DIGEST": "d" * 64,
        "MIXATLAS_ATTEMPT": "2",
        "MIXATLAS_POD_UID": attempt.pod_uid,
        "MIXATLAS_MICRO_BATCH_DIVISOR": "2",
        "MIXATLAS_CACHE": str(state.cache),
        "MIXATLAS_TERMINATION_LOG": str(state.logs / "attempt.termination"),
    }
    assert environ["OMP_NUM_THREADS"] == "3"
    assert environ["SCRIPT"] == "slow=1"
    assert environ["PATH"] == os.environ["PATH"]


@pytest.mark.slow
def test_a_fresh_cache_is_the_attempts_own_and_goes_with_it(make: Make, state: StateFolder) -> None:
    runner = make()
    end_of(runner, start(runner, "tell:", fresh_cache=True))
    cache = Path(json.loads(runner.log_path("attempt").read_text())["environ"]["MIXATLAS_CACHE"])
    assert cache != state.cache
    cache.mkdir()
    (cache / "shard.tar").write_bytes(b"shard")
    runner.forget("attempt")
    assert not cache.exists()
    assert state.cache.exists()


@pytest.mark.slow
def test_a_trial_that_does_not_heed_sigterm_is_killed_after_its_grace_period(make: Make) -> None:
    runner = make(grace_s=0.2)
    name = start(runner, "stubborn:")
    pid = pid_of(runner, name)
    runner.stop(name)
    attempt = end_of(runner, name)
    assert (attempt.exit_code, attempt.signalled) == (143, False)
    assert not is_alive(pid)


@pytest.mark.slow
def test_a_trial_that_runs_past_the_deadline_is_asked_to_end(make: Make) -> None:
    runner = make(deadline_s=0.2)
    attempt = end_of(runner, start(runner, "polite:"))
    assert (attempt.exit_code, attempt.signalled) == (143, False)
    assert not attempt.is_stopped, "the deadline counts as somebody else"


@pytest.mark.slow
def test_a_stop_is_known_to_the_next_driver(make: Make) -> None:
    runner = make()
    name = start(runner, "polite:")
    pid_of(runner, name)
    runner.stop(name)
    end_of(runner, name)
    assert look(make(), name).is_stopped


@pytest.mark.slow
def test_trials_end_with_their_server_and_the_next_one_starts(make: Make) -> None:
    runner = make()
    bystander = start(runner, "stubborn:", name="bystander")
    pid = pid_of(runner, bystander)
    culprit = start(runner, "parent:", name="culprit")
    for name in (bystander, culprit):
        attempt = end_of(runner, name)
        assert attempt.exit_code is None
        assert "fork server ended" in attempt.message
    until(lambda: not is_alive(pid))
    assert end_of(runner, start(runner, "exit:42", name="next")).exit_code == 42


@pytest.mark.slow
def test_what_starts_while_the_server_dies_is_not_lost_with_it(make: Make) -> None:
    runner = make()
    end_of(runner, start(runner, "exit:0", name="first"))
    for i in range(2):
        os.kill(server_of(os.getpid()), 9)
        name = start(runner, "exit:42", name=f"after-{i}")
        attempt = end_of(runner, name)
        if attempt.exit_code is None:  # the order was taken by the dying one
            attempt = end_of(runner, start(runner, "exit:42", name=f"again-{i}"))
        assert attempt.exit_code == 42


@pytest.mark.slow
def test_a_trainer_that_cannot_be_imported_fails_each_attempt_and_says_why(make: Make) -> None:
    runner = make(entry="no_such_trainer:main")
    attempt = end_of(runner, start(runner, "exit:0"))
    assert attempt.exit_code == 1
    assert "No module named 'no_such_trainer'" in attempt.message


@pytest.mark.slow
def test_closing_ends_what_runs(make: Make) -> None:
    runner = make()
    pid = pid_of(runner, start(runner, "stubborn:"))
    server = server_of(os.getpid())
    runner.close()
    assert not is_alive(server)
    until(lambda: not is_alive(pid))
    assert look(runner, "attempt").phase == "ended"


@pytest.mark.slow
def test_nothing_outlives_a_driver_that_is_killed_and_the_next_one_knows(
    make: Make, state: StateFolder
) -> None:
    driver = subprocess.Popen(
        [sys.executable, "-c", "import runner_entries; runner_entries.driver()", str(state.path)],
        cwd=TESTS,
    )
    log = state.logs / "endless.log"
    pid = int(until(lambda: log.exists() and log.read_text().partition("pid ")[2].strip()))
    server = server_of(driver.pid)
    driver.kill()
    driver.wait()
    until(lambda: not is_alive(server) and not is_alive(pid))
    attempt = look(make(), "endless")
    assert (attempt.phase, attempt.exit_code) == ("ended", None)
    assert attempt.message == "ended with its driver"


@pytest.mark.slow
def test_what_ended_is_remembered_by_the_next_driver(make: Make) -> None:
    runner = make()
    ended = end_of(runner, start(runner, "exit:42"))
    runner.close()
    assert make().observe() == (ended,)


@pytest.mark.slow
def test_the_real_trainer_is_forked_from_a_server_without_threads(make: Make) -> None:
    runner = make(entry="mixatlas_trainer.main:main")
    attempt = end_of(runner, start(runner, "no-such-trial"))
    assert attempt.exit_code not in (0, None)
    server = server_of(os.getpid())
    assert len(list(Path(f"/proc/{server}/task").iterdir())) == 1
    opened = [str(fd.readlink()) for fd in Path(f"/proc/{server}/fd").iterdir()]
    assert not [path for path in opened if path.startswith("/dev/nvidia")]


def test_the_trainers_identity_is_that_of_its_code() -> None:
    identity = image_id()
    assert identity == image_id()
    assert len(identity.removeprefix("sha256:")) == 64


@pytest.mark.slow
def test_no_torch_is_needed_to_know_the_trainers_identity() -> None:
    code = (
        "import sys; from mixatlas.local.runner import image_id; print(image_id());"
        "print('torch' in sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.split() == [image_id(), "False"]
