"""The loop's own duties: order of writes, one status a pass, patience with the store."""

from __future__ import annotations

import pytest

from fakes import TERMINATED
from mixatlas.contract.errors import StoreUnavailable
from mixatlas.contract.result import Progress
from mixatlas.driver.books import PROGRESS_AGE_S, parse_items
from mixatlas.ledger.layout import Layout
from scenario import ROOT, World, stable


def test_the_intent_is_written_before_the_act() -> None:
    world = World()
    driver = world.driver()
    while not world.runner.started:
        assert not world.runner.attempts
        driver.run_pass()
    names = list(world.store.objects)
    assert names.index(Layout(ROOT).round(0)) < names.index(
        next(n for n in names if "/trials/000000/" in n)
    )


def test_an_idle_search_writes_nothing() -> None:
    world = World()
    world.run()
    driver = world.driver()
    driver.run_pass()
    writes, statuses = world.store.n_writes, len(world.sink.statuses)
    for _ in range(10):
        driver.run_pass()
    assert world.store.n_writes == writes
    assert len(world.sink.statuses) == statuses


def test_a_trial_costs_at_most_six_writes_to_the_store() -> None:
    world = World()
    observed = world.run()
    stored = [what for what in world.fuse.written if what.startswith("s3://")]
    assert len(stored) <= 6 * len(observed.outcomes)


def test_conditions_keep_their_time_while_they_do_not_change() -> None:
    world = World()
    world.run()
    times = {
        c["lastTransitionTime"]
        for status in world.sink.statuses
        for c in status["conditions"]
        if c["type"] == "Accepted"
    }
    assert len(times) == 1


def test_a_store_that_comes_back_changes_nothing() -> None:
    undisturbed = stable(World().run())
    world = World()
    driver = world.driver()
    while len(world.runner.started) < 3:
        driver.run_pass()
    world.store.is_down = True
    waits = iter(range(100))

    class Clock:
        def now(self) -> float:
            return 0.0

        def wait(self, seconds: float) -> None:
            if next(waits) == 5:
                world.store.is_down = False

    driver._ports = type(driver._ports)(  # the loop's clock brings the store back
        store=world.store,
        runner=world.runner,
        proposer=world.proposer,
        sink=world.sink,
        clock=Clock(),
    )
    assert stable(driver.run()) == undisturbed
    assert "StorageUnavailable" in {reason for reason, _ in world.sink.events}


def test_a_store_that_stays_away_ends_the_run() -> None:
    world = World()
    driver = world.driver()
    driver.run_pass()
    world.store.is_down = True
    with pytest.raises(StoreUnavailable):
        driver.run()


def test_progress_is_told_and_read_again_once_it_is_old() -> None:
    world = World()
    driver = world.driver()
    while not world.runner.started:
        driver.run_pass()
    world.runner.is_slow = True
    driver.run_pass()
    (attempt,) = world.runner.attempts.values()
    uri = f"{world.runner.files[attempt.name].attempts}/{attempt.pod_uid}/progress.json"

    def told(tokens: int) -> int:
        progress = Progress(
            trial_digest=attempt.digest,
            phase="training",
            step=1,
            tokens=tokens,
            total_tokens=20_000,
            tokens_per_second=10.0,
            seconds=1.0,
        )
        world.store.objects[uri] = progress.to_bytes()
        driver.run_pass()
        (entry,) = world.sink.statuses[-1]["inFlight"]
        return int(entry.get("tokens", 0))

    world.clock.wait(PROGRESS_AGE_S)
    assert told(100) == 100
    assert told(200) == 100
    world.clock.wait(PROGRESS_AGE_S)
    assert told(200) == 200


def test_an_interrupt_drains_and_the_next_run_goes_on() -> None:
    undisturbed = stable(World().run())
    world = World()
    driver = world.driver()
    while len(world.runner.started) < 3:
        driver.run_pass()
    driver.interrupt()
    observed = driver.run()
    assert all(attempt.phase == "ended" for attempt in observed.attempts)
    assert stable(world.run()) == undisturbed


def test_an_interrupt_asks_once_and_waits_for_what_ends_slowly() -> None:
    world = World()
    driver = world.driver()
    while len(world.runner.started) < 3:
        driver.run_pass()
    world.runner.is_slow = world.runner.is_reluctant = True
    driver.interrupt()
    running = [a.name for a in world.runner.attempts.values() if a.phase != "ended"]
    assert driver.run_pass()[1] == len(running) > 0
    assert driver.run_pass()[1] == 0
    world.runner.is_reluctant = False
    observed = driver.run()
    assert {a.name for a in observed.attempts if a.exit_code == TERMINATED} == set(running)


def test_interrupts_never_fail_a_trial() -> None:
    undisturbed = stable(World().run())
    world = World()
    world.runner.is_slow = True
    for _ in range(9):
        driver = world.driver()
        for _ in range(3):
            driver.run_pass()
        driver.interrupt()
        driver.run()
    assert world.runner.started[-1].endswith("-t000000-a9"), "always the same trial"
    world.runner.is_slow = False
    assert stable(world.run()) == undisturbed


def test_broken_results_and_items_are_no_results() -> None:
    undisturbed = stable(World().run())
    world = World()
    driver = world.driver()
    while len(world.runner.started) < 2:
        driver.run_pass()
    attempt = next(iter(world.runner.attempts.values()))
    uri = Layout(ROOT).attempt_object(attempt.trial, "pod-other", "result.json")
    world.store.objects[uri] = b'{"trialDigest": "tru'
    assert stable(world.run()) == undisturbed


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"item,score\n",
        b"benchmark,item,image,score\na,b,c,high\n",
        b"benchmark,item,image,score\na,b\n",
    ],
    ids=["empty", "header", "no-number", "short-row"],
)
def test_items_that_are_not_the_contracts(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"columns|float|unpack"):
        parse_items(content)
