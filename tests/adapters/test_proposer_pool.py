"""A few workers serve many askers in their order."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from mixatlas.adapters.proposer import ProposerPool, Seat
from mixatlas.plan.observed import Failed, Idle, Ready, Running
from processes import LIMIT_S, is_alive, until
from worker_functions import Asked, obey

pytestmark = pytest.mark.slow


@pytest.fixture
def pool() -> Iterator[ProposerPool]:
    pool = ProposerPool(obey, size=1)
    yield pool
    pool.close()


def answer_of(seat: Seat, what: str) -> Any:
    seat.start(Asked(what, what))
    until(lambda: not isinstance(seat.poll(), Running))
    state = seat.poll()
    assert isinstance(state, Ready)
    return state.answer


def test_askers_share_a_worker(pool: ProposerPool) -> None:
    assert answer_of(pool.seat(), "pid") == answer_of(pool.seat(), "pid")


def test_who_waits_longest_is_served_first(pool: ProposerPool) -> None:
    busy, first, second = pool.seat(), pool.seat(), pool.seat()
    busy.start(Asked("busy", "hang"))
    first.start(Asked("first"))
    second.start(Asked("second"))
    busy.close()
    assert isinstance(second.poll(), Running), "it asked later"
    until(lambda: isinstance(first.poll(), Ready))
    until(lambda: isinstance(second.poll(), Ready))


def test_who_leaves_is_waited_for_by_nobody(pool: ProposerPool) -> None:
    busy, first, second = pool.seat(), pool.seat(), pool.seat()
    busy.start(Asked("busy", "hang"))
    first.start(Asked("first"))
    second.start(Asked("second"))
    first.close()
    busy.close()
    until(lambda: isinstance(second.poll(), Ready))
    assert first.poll() == Idle()


def test_news_is_told_so_that_nobody_need_poll(pool: ProposerPool) -> None:
    told = {name: threading.Event() for name in ("first", "second")}
    first, second = (pool.seat(on_news=event.set) for event in told.values())
    first.start(Asked("first", "pid"))
    second.start(Asked("second", "pid"))
    assert told["first"].wait(LIMIT_S), "it has its answer"
    assert not told["second"].is_set(), "nothing is free before that answer is taken"
    assert isinstance(first.poll(), Ready)
    assert told["second"].wait(LIMIT_S), "the worker is free"
    told["second"].clear()
    second.poll()
    assert told["second"].wait(LIMIT_S), "it has its answer"
    assert isinstance(second.poll(), Ready)


@pytest.mark.parametrize("what", ["die", "hang"])
def test_a_question_without_an_answer_is_news_too(what: str) -> None:
    pool, told = ProposerPool(obey, size=1, time_limit_s=1.0), threading.Event()
    seat = pool.seat(on_news=told.set)
    seat.start(Asked("asked", what))
    assert told.wait(LIMIT_S)
    assert isinstance(seat.poll(), Failed)
    pool.close()


def test_who_leaves_calls_the_next(pool: ProposerPool) -> None:
    told = threading.Event()
    busy, first, second = pool.seat(), pool.seat(), pool.seat(on_news=told.set)
    busy.start(Asked("busy", "hang"))
    first.start(Asked("first"))
    second.start(Asked("second"))
    busy.close()
    assert not told.is_set(), "it is the first's turn"
    first.close()
    assert told.is_set()


def test_closing_ends_the_worker(pool: ProposerPool) -> None:
    pid = answer_of(pool.seat(), "pid")
    pool.close()
    assert not is_alive(pid)
