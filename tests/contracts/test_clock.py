"""What every clock promises its driver: the virtual one, and the system's."""

from __future__ import annotations

import pytest

from fakes import VirtualClock
from mixatlas.adapters.clock import SystemClock
from mixatlas.driver.ports import Clock


@pytest.fixture(params=[VirtualClock, SystemClock])
def clock(request: pytest.FixtureRequest) -> Clock:
    clock: Clock = request.param()
    return clock


def test_time_passes_by_what_was_waited_for(clock: Clock) -> None:
    before = clock.now()
    clock.wait(0.05)
    assert clock.now() - before >= 0.05 - 0.001


def test_time_does_not_run_back(clock: Clock) -> None:
    times = []
    for _ in range(5):
        times.append(clock.now())
        clock.wait(0.0)
    assert times == sorted(times)
