"""Running a search on this machine."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from types import FrameType

from mixatlas.adapters.clock import SystemClock
from mixatlas.adapters.proposer import WorkerProposer
from mixatlas.driver.accept import accept
from mixatlas.driver.driver import Driver, Ports
from mixatlas.driver.ports import StatusSink
from mixatlas.driver.questions import answer
from mixatlas.local.fork_server import DEFAULT_ENTRY
from mixatlas.local.place import (
    DEFAULT_STORAGE,
    has_own_server,
    hold_store,
    ledger_beside,
    ledger_root,
    must_hold_ledger,
)
from mixatlas.local.runner import RunnerSettings, SubprocessRunner, image_id, threads_per_trial
from mixatlas.local.state import Lock, StateFolder
from mixatlas.plan.observed import Observed
from mixatlas.spec.model import MixtureSearch


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalRun:
    """What `run_search` is to run.

    Args:
        search: The document.
        state: Its folder.
        sink: Where status and events go.
        entry: `MODULE:FUNCTION` of the trainer; another one is for tests.
    """

    search: MixtureSearch
    state: StateFolder
    sink: StatusSink
    entry: str = DEFAULT_ENTRY


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a run ended: what was last observed, and whether an interrupt ended it."""

    observed: Observed
    is_interrupted: bool


def run_search(run: LocalRun) -> Ended:
    """Run a search to its end, or go on with it. Ctrl-C lets running trials checkpoint.

    Raises:
        SpecError, InfeasibleSpace, CorpusInvalid: It cannot be accepted.
        HistoryMismatch: It was begun with another corpus, or in another store.
        SearchLocked: Another process runs it.
        StoreUnavailable, StoreForbidden: The store fails.
    """
    search, state = run.search, run.state
    with ExitStack() as stack:
        stack.enter_context(Lock(state))
        uid = state.uid()
        store, settings = stack.enter_context(hold_store(search, state))
        if has_own_server(search):
            store.ensure_bucket(DEFAULT_STORAGE.bucket)
        root = ledger_root(search, uid)
        must_hold_ledger(store, state, root)
        accepted = accept(
            store,
            search,
            uid=uid,
            root=root,
            image=image_id(),
            find_ledger=partial(ledger_beside, state),
        )
        slots, threads = room_for_trials(search)
        run.sink.event("Room", f"{slots} trials at once, {threads} threads each")
        runner = SubprocessRunner(
            state,
            RunnerSettings(
                threads=threads,
                environ={**_document_environ(search), **settings.environment()},
                deadline_s=_deadline(search),
                entry=run.entry,
            ),
        )
        stack.callback(runner.close)
        proposer = WorkerProposer(answer)
        stack.callback(proposer.close)
        clock = SystemClock()
        driver = Driver(
            accepted,
            Ports(store=store, runner=runner, proposer=proposer, sink=run.sink, clock=clock),
            live=lambda: search,
            slots=slots,
        )
        with _interruptible(driver, clock) as was_interrupted:
            observed = driver.run()
        return Ended(observed=observed, is_interrupted=was_interrupted())


def room_for_trials(search: MixtureSearch, cores: int | None = None) -> tuple[int, int]:
    """Return how many trials run at once here, and the threads of each.

    Example:
        >>> from mixatlas.spec.model import SearchSettings
        >>> min(SearchSettings(parallelism=8).parallelism, 2)
        2
    """
    n_cores = cores or len(os.sched_getaffinity(0))
    wanted = max(1, search.spec.search.parallelism)
    slots = min(wanted, n_cores)
    return slots, threads_per_trial(n_cores, slots)


@contextmanager
def _interruptible(driver: Driver, clock: SystemClock) -> Iterator[Callable[[], bool]]:
    """Turn the first Ctrl-C (or SIGTERM) into a drain; the second ends at once."""
    signals: list[int] = []

    def handle(number: int, frame: FrameType | None) -> None:
        if signals:
            raise KeyboardInterrupt
        signals.append(number)
        driver.interrupt()
        clock.wake()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(signals)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _document_environ(search: MixtureSearch) -> dict[str, str]:
    """Return the variables that the Job template gives the trainer's container."""
    pod = search.spec.proxy.job_template.get("spec", {}).get("template", {}).get("spec", {})
    containers = pod.get("containers", [])
    named = [c for c in containers if c.get("name") == "trainer"] or containers[:1]
    pairs = named[0].get("env", []) if named else []
    return {pair["name"]: str(pair["value"]) for pair in pairs if "value" in pair}


def _deadline(search: MixtureSearch) -> float | None:
    value = search.spec.proxy.job_template.get("spec", {}).get("activeDeadlineSeconds")
    return None if value is None else float(value)
