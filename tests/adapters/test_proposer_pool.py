"""A few workers serve many askers in their order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from mixatlas.adapters.proposer import ProposerPool, Seat
from mixatlas.plan.observed import Idle, Ready, Running
from processes import is_alive, until
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


def test_closing_ends_the_worker(pool: ProposerPool) -> None:
    pid = answer_of(pool.seat(), "pid")
    pool.close()
    assert not is_alive(pid)
