"""A worker that fails, hangs or dies is a state, and never outlives its driver."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mixatlas.adapters.proposer import WorkerProposer
from mixatlas.plan.observed import Failed, ProposalState, Ready, Running
from processes import is_alive, until
from worker_functions import Asked, obey

pytestmark = pytest.mark.slow

TESTS = Path(__file__).parents[1]


@pytest.fixture
def proposer() -> Iterator[WorkerProposer]:
    proposer = WorkerProposer(obey)
    yield proposer
    proposer.close()


def end_of(proposer: WorkerProposer) -> ProposalState:
    until(lambda: not isinstance(proposer.poll(), Running))
    return proposer.poll()


def answer_of(proposer: WorkerProposer, what: str) -> Any:
    proposer.start(Asked(f"key of {what}", what))
    state = end_of(proposer)
    assert isinstance(state, Ready)
    return state.answer


@pytest.mark.parametrize(
    ("what", "reason"),
    [("raise", "ValueError: no such point"), ("die", "code 7"), ("closure", "closure|pickle")],
    ids=["raises", "dies", "answers-what-cannot-be-sent"],
)
def test_a_failure_says_why_and_the_next_question_is_answered(
    proposer: WorkerProposer, what: str, reason: str
) -> None:
    proposer.start(Asked("first", what))
    state = end_of(proposer)
    assert isinstance(state, Failed)
    assert state.key == "first"
    assert any(part in state.reason for part in reason.split("|"))
    assert answer_of(proposer, "") is None


def test_a_question_that_takes_too_long_fails_and_its_worker_ends() -> None:
    proposer = WorkerProposer(obey, time_limit_s=0.5)
    proposer.start(Asked("slow", "hang"))
    state = end_of(proposer)
    proposer.close()
    assert state == Failed("slow", "no answer within 0 s")


def test_a_worker_answers_many_questions(proposer: WorkerProposer) -> None:
    assert answer_of(proposer, "pid") == answer_of(proposer, "pid")


def test_a_question_that_is_replaced_costs_its_worker(proposer: WorkerProposer) -> None:
    pid = answer_of(proposer, "pid")
    proposer.start(Asked("never", "hang"))
    assert answer_of(proposer, "pid") != pid
    assert not is_alive(pid)


def test_ctrl_c_does_not_cost_an_answer(proposer: WorkerProposer) -> None:
    assert answer_of(proposer, "interrupt") is None


def test_a_worker_that_was_killed_between_questions_is_replaced(proposer: WorkerProposer) -> None:
    pid = answer_of(proposer, "pid")
    os.kill(pid, signal.SIGKILL)
    until(lambda: not is_alive(pid))
    assert answer_of(proposer, "pid") != pid


def test_closing_ends_the_worker(proposer: WorkerProposer) -> None:
    pid = answer_of(proposer, "pid")
    proposer.close()
    assert not is_alive(pid)


def test_a_worker_ends_with_a_driver_that_is_killed(tmp_path: Path) -> None:
    written = tmp_path / "pid"
    driver = subprocess.Popen(
        [sys.executable, "-c", "import worker_functions; worker_functions.driver()", str(written)],
        cwd=TESTS,
    )
    pid = int(until(lambda: written.exists() and written.read_text()))
    driver.kill()
    driver.wait()
    until(lambda: not is_alive(pid))
