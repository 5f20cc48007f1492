"""F1, F2: the process ends at any write, before or after it happened, and goes on afterwards."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fakes import Crash, InstantProposer
from mixatlas.plan.plan import why_finished
from scenario import World, stable


@pytest.fixture(scope="module")
def undisturbed() -> tuple[str, str, int]:
    world = World()
    observed = world.run()
    return stable(observed), observed.winners[-1].digest, len(world.fuse.written)


def test_the_golden_scenario_has_every_kind_of_round(undisturbed: tuple[str, str, int]) -> None:
    world = World()
    observed = world.run()
    assert [record.kind.value for record in sorted(observed.rounds, key=lambda r: r.round)] == [
        "base",
        "design",
        "replicates",
        "proposed",
        "proposed",
        "confirm",
    ]
    assert why_finished(observed) is not None


@pytest.mark.slow
@pytest.mark.parametrize("is_applied", [True, False], ids=["answer-lost", "not-written"])
def test_a_crash_at_every_write_changes_nothing(
    undisturbed: tuple[str, str, int], is_applied: bool
) -> None:
    trials, winner, n_writes = undisturbed
    assert n_writes > 100, "of the store, of Jobs, of the status, of Events"
    for k in range(1, n_writes + 1):
        world = World()
        world.fuse.crash_at, world.fuse.is_applied = k, is_applied
        with pytest.raises(Crash):
            world.run()
        world.fuse.crash_at = 0
        world.proposer = InstantProposer()
        observed = world.run()
        assert stable(observed) == trials, f"write {k}"
        assert observed.winners[-1].digest == winner
        assert not world.runner.restarted, f"write {k}"


def test_every_attempt_that_a_crash_loses_is_replaced_uncounted() -> None:
    world = World()
    driver = world.driver()
    while not world.runner.started:
        driver.run_pass()
    for name in list(world.runner.attempts):
        attempt = world.runner.attempts[name]
        world.runner.attempts[name] = replace(attempt, phase="ended", exit_code=None, ended=2.0)
    observed = world.run()
    base = next(o for o in observed.outcomes if o.trial == 0)
    assert [a.attempt for a in base.attempts] == [1, 2]
    assert not any(a.counted for a in base.attempts)
