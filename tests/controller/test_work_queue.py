"""Keys are coalesced, serialised and put off after failures."""

from __future__ import annotations

from mixatlas.controller.service import PATIENCE_S
from mixatlas.controller.work_queue import WorkQueue


def test_a_key_added_twice_is_handed_out_once() -> None:
    queue = WorkQueue(lambda: 0.0)
    queue.add("a")
    queue.add("a")
    assert queue.take() == "a"
    assert queue.depth() == 0


def test_a_key_under_way_is_not_handed_out_again_before_it_is_done() -> None:
    queue = WorkQueue(lambda: 0.0)
    queue.add("a")
    assert queue.take() == "a"
    queue.add("a")
    queue.add("b")
    assert queue.take() == "b"
    queue.done("a")
    assert queue.take() == "a"


def test_failures_put_a_key_off_longer_each_time_and_a_success_forgets_them() -> None:
    now = [0.0]
    queue = WorkQueue(lambda: now[0])
    queue.add("a")
    pauses = []
    for is_failed in (True, True, True, False, True):
        assert queue.take() == "a"
        queue.done("a", is_failed=is_failed)
        queue.add("a", after_s=0.0 if not is_failed else 1000.0)
        started = now[0]
        while queue.depth() == 0:
            now[0] += 0.5
        pauses.append(now[0] - started)
    assert pauses == [1.0, 2.0, 4.0, 0.0, 1.0]


def test_an_idle_queue_is_never_stuck() -> None:
    now = [0.0]
    queue = WorkQueue(lambda: now[0])
    queue.add("a")
    assert queue.take() == "a"
    queue.done("a")
    queue.add("a", after_s=600.0)
    now[0] = 600.0
    assert not queue.is_stuck(PATIENCE_S)


def test_a_key_that_starves_is_stuck_until_it_is_taken() -> None:
    now = [0.0]
    queue = WorkQueue(lambda: now[0])
    queue.add("a", after_s=10.0)
    now[0] = 10.0 + PATIENCE_S
    assert not queue.is_stuck(PATIENCE_S)
    now[0] += 1.0
    assert queue.is_stuck(PATIENCE_S)
    assert queue.take() == "a"
    assert not queue.is_stuck(PATIENCE_S)


def test_a_pass_that_hangs_is_stuck_until_it_ends() -> None:
    now = [0.0]
    queue = WorkQueue(lambda: now[0])
    queue.add("a")
    assert queue.take() == "a"
    queue.add("a")
    now[0] = PATIENCE_S + 1.0
    assert queue.is_stuck(PATIENCE_S)
    queue.done("a")
    assert queue.is_stuck(PATIENCE_S), "it has been due since then"
    assert queue.take() == "a"
    assert not queue.is_stuck(PATIENCE_S)
