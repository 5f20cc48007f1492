"""The watches' own end is noticed."""

from __future__ import annotations

import asyncio
import threading

import kopf
import pytest

from mixatlas.controller.api import Api
from mixatlas.controller.watch import Watcher
from mixatlas.controller.world import World
from processes import until


async def fail_beside_a_waiting_thread(stop_flag: threading.Event, **_: object) -> None:
    """What kopf does when it cannot reach the API server: a thread of the loop waits for us."""
    asyncio.get_running_loop().run_in_executor(None, stop_flag.wait)
    await asyncio.sleep(0)
    raise ConnectionError("no such server")


def test_watches_that_fail_have_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kopf, "operator", fail_beside_a_waiting_thread)
    api = Api.__new__(Api)  # is asked for nothing
    watcher = Watcher(api, World(), namespace=None, on_change=lambda _: None)
    watcher.start()
    try:
        until(lambda: watcher.has_ended)
    finally:
        watcher.close()
    assert isinstance(watcher.failure, ConnectionError)
