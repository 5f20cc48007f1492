"""A search that begins with the ledger of an earlier one."""

from __future__ import annotations

import pytest

from mixatlas.contract.errors import SpecError
from mixatlas.contract.trial import Purpose
from mixatlas.driver.warm_start import brought_by
from mixatlas.ledger.records import PlannedTrial, RoundKind
from mixatlas.plan.observed import Observed
from mixatlas.plan.plan import why_finished
from mixatlas.plan.status import describe
from scenario import World, a_document


def warm(world: World, **changes: object) -> World:
    """Return another search on the same store that takes over what a first one has trained."""
    search = a_document(search__warmStart=[{"ledger": world.root}], **changes)
    return World(search=search, store=world.store, uid="uid01")


def trained(world: World) -> list[str]:
    """Return the digests of what a world's Jobs were started with."""
    return [world.runner.files[name].digest for name in world.runner.started]


def stopped_after(n_started: int) -> World:
    """Return a search whose operator and Jobs are gone after so many Jobs."""
    world = World()
    driver = world.driver()
    while len(world.runner.started) < n_started:
        driver.run_pass()
    return world


def planned(observed: Observed) -> list[PlannedTrial]:
    return [trial for record in observed.rounds for trial in record.trials]


@pytest.mark.parametrize("n_started", [2, 4, 7, 10, 12])
def test_what_was_trained_is_not_trained_again(n_started: int) -> None:
    first = stopped_after(n_started)
    done = {o.digest for o in first.driver().observe().outcomes}
    assert done
    second = warm(first)
    observed = second.run()
    assert why_finished(observed) is not None
    assert not done & set(trained(second))
    assert done <= {outcome.digest for outcome in observed.outcomes}
    assert second.runner.restarted == []


def test_a_finished_search_that_is_created_again_keeps_its_trials_and_extends_them() -> None:
    first = World()
    before = first.run()
    second = warm(first, search__maxTrials=10)
    observed = second.run()
    taken = [o for o in observed.outcomes if o.purpose is not Purpose.CONFIRM and o.taken_from]
    assert {o.trial for o in taken} == set(range(9)), "base and search stage, by their numbers"
    assert all(o.taken_from == f"{first.root}/trials/{o.trial:06d}/outcome.json" for o in taken)
    search = [t for t in planned(observed) if t.purpose not in (Purpose.BASE, Purpose.CONFIRM)]
    assert len(search) == 10
    assert len({t.seed for t in search}) == len(search)
    assert {o.digest for o in before.outcomes}.isdisjoint(trained(second))
    assert RoundKind.DESIGN not in {record.kind for record in observed.rounds}
    assert observed.winners[-1].gains


def test_confirmation_trials_are_taken_over_with_their_items() -> None:
    first = World()
    first.run()
    observed = warm(first).run()
    confirm = [o for o in observed.outcomes if o.purpose is Purpose.CONFIRM and o.taken_from]
    assert confirm
    assert {o.trial for o in confirm} <= observed.items.keys()


def test_a_search_on_one_axis_that_is_created_again_trains_nothing_twice() -> None:
    first = World(search=a_document(axes=["task"]))
    done = {outcome.digest for outcome in first.run().outcomes}
    second = warm(first, axes=["task"])
    observed = second.run()
    assert not done & set(trained(second))
    assert done <= {outcome.digest for outcome in observed.outcomes}


def test_shares_inside_a_slice_that_are_not_natural_are_no_trial_of_one_axis() -> None:
    first = World()
    whole = first.run()
    first_by_trial = {outcome.trial: outcome for outcome in whole.outcomes}
    observed = warm(first, axes=["concept"]).run()
    taken = [o for o in observed.outcomes if o.taken_from]
    assert {o.mixture for o in taken} == {first_by_trial[0].mixture}, "the natural mixture alone"
    assert observed.accepted.space.domains == ("chart", "photo")


def test_what_is_taken_over_costs_nothing() -> None:
    first = World()
    before = first.run()
    second = warm(first)
    driver = second.driver()
    while not (observed := driver.run_pass()[0]).outcomes:
        pass
    assert describe(observed, 0.0)[0]["cost"]["gpuSeconds"] == 0
    assert describe(before, 0.0)[0]["cost"]["gpuSeconds"] > 0


def test_only_mixtures_of_the_new_space_are_taken() -> None:
    first = World()
    first.run()
    bounds = [{"domain": "chart.caption", "max": "0.15"}]
    second = warm(first, space__bounds=bounds, search__maxTrials=12)
    observed = second.run()
    baselines = [{n: p for n, p in b.parts if p} for b in observed.accepted.baselines.values()]
    (taken,) = (r.trials for r in observed.rounds if r.kind is RoundKind.WARM_START)
    assert 0 < len(taken) < 8
    for trial in planned(observed):
        parts = {weight.domain: weight.ppm for weight in trial.mixture}
        assert parts.get("chart.caption", 0) <= 150_000 or parts in baselines


def test_trials_of_two_ledgers_have_numbers_of_their_own() -> None:
    first = World()
    first.run()
    second = World(search=a_document(search__method="Random"), store=first.store, uid="uid02")
    second.run()
    ledgers = [{"ledger": first.root}, {"ledger": f"{second.root}/"}]
    search = a_document(search__warmStart=ledgers, search__maxTrials=20)
    observed = World(search=search, store=first.store, uid="uid03").run()
    (taken,) = (r.trials for r in observed.rounds if r.kind is RoundKind.WARM_START)
    assert {world.root in t.why for t in taken for world in (first, second)} == {True, False}
    numbers = [t.trial for t in planned(observed)]
    assert len(set(numbers)) == len(numbers)
    new = [t for t in planned(observed) if t.purpose is Purpose.PROPOSED]
    assert new
    assert not {t.seed for t in new} & {t.seed for t in taken}


def test_a_ledger_that_is_deleted_after_acceptance_is_not_missed() -> None:
    first = World()
    first.run()
    second = warm(first)
    driver = second.driver()
    for _ in range(3):
        driver.run_pass()
    for uri in [u for u in first.store.objects if u.startswith(f"{first.root}/")]:
        del first.store.objects[uri]
    assert why_finished(second.run()) is not None


@pytest.mark.parametrize(
    "changes", [{"proxy__tokens": 11_000}, {"objective__benchmarks": [{"name": "first"}]}]
)
def test_the_base_alone_can_be_taken_over(changes: dict[str, object]) -> None:
    first = World()
    first.run()
    second = warm(first, **changes)
    observed = second.run()
    assert {o.trial for o in observed.outcomes if o.taken_from} == {0}
    assert "trial 0 (base ok), taken over from" in " ".join(text for _, text in second.sink.events)


@pytest.mark.parametrize(
    ("changes", "differs"),
    [
        (
            {"proxy__trainer": {"model": {"config": {}}, "globalBatchTokens": 200}},
            ("proxy.trainer",),
        ),
        ({"proxy__base": {"warmupTokens": 21_000}}, ("proxy.base",)),
    ],
)
def test_what_no_trial_of_ours_would_be_is_not_taken_and_told_why(
    changes: dict[str, object], differs: tuple[str, ...]
) -> None:
    first = World()
    first.run()
    second = warm(first, **changes)
    accepted = second.driver().observe().accepted
    assert brought_by(second.store, accepted).trials == ()
    (source,) = accepted.warm_start.sources
    assert source.differs == differs


def test_more_trials_than_there_is_room_for_are_refused() -> None:
    first = World()
    first.run()
    with pytest.raises(SpecError, match=r"spec\.search\.maxTrials: 6 is too few"):
        warm(first, search__maxTrials=6).driver()


def test_a_ledger_that_is_not_there_is_refused() -> None:
    world = World(search=a_document(search__warmStart=[{"ledger": "s3://mixatlas/nothing"}]))
    with pytest.raises(SpecError, match=r"warmStart\.0\.ledger: no search lies under"):
        world.driver()


@pytest.mark.parametrize(
    ("ours", "theirs", "reported", "is_same"),
    [
        ("r/trainer@sha256:aa", "r/trainer:1", "r/trainer@sha256:aa", True),
        ("mirror/trainer@sha256:aa", "r/trainer:1", "r/trainer@sha256:aa", True),
        ("r/trainer@sha256:bb", "r/trainer@sha256:aa", "r/trainer@sha256:aa", False),
        ("r/trainer:1", "r/trainer:1", "r/trainer@sha256:aa", True),
        ("r/trainer:2", "r/trainer:1", "r/trainer@sha256:aa", False),
        ("sha256:aa", "sha256:bb", "sha256:aa", True),
        ("sha256:bb", "sha256:bb", "sha256:aa", False),
    ],
)
def test_only_trials_of_the_same_image_are_taken(
    ours: str, theirs: str, reported: str, *, is_same: bool
) -> None:
    first = World()
    first.runner.image_id = theirs
    driver = first.driver()
    first.runner.image_id = reported
    driver.run()
    second = warm(first)
    second.runner.image_id = ours
    accepted = second.driver().observe().accepted
    assert bool(brought_by(second.store, accepted).trials) is is_same
    assert bool(accepted.warm_start.sources) is not is_same, "the others are evidence"
