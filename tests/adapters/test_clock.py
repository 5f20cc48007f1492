"""Waits can be cut short."""

from __future__ import annotations

from threading import Thread

from mixatlas.adapters.clock import SystemClock


def test_a_wait_ends_when_it_is_woken() -> None:
    clock = SystemClock()
    waiting = Thread(target=clock.wait, args=(600.0,))
    waiting.start()
    clock.wake()
    waiting.join(60.0)
    assert not waiting.is_alive()


def test_waking_before_the_wait_is_not_lost_and_counts_once() -> None:
    clock = SystemClock()
    clock.wake()
    before = clock.now()
    clock.wait(600.0)
    assert clock.now() - before < 60.0
    clock.wait(0.05)
    assert clock.now() - before >= 0.05 - 0.001
