"""F16: what an earlier version stored is read, and the same search goes on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mixatlas.contract.errors import HistoryMismatch
from mixatlas.driver.accept import accept
from mixatlas.driver.driver import Driver, Ports
from scenario import ROOT, World

STORED: dict[str, Any] = json.loads(Path(__file__).with_name("ledger_of_a3df81e.json").read_text())
OBJECTS: dict[str, str] = STORED["objects"]
ROUNDS = {n: json.loads(OBJECTS[f"{ROOT}/rounds/{n:04d}.json"]) for n in range(6)}


def a_world(n_rounds: int = len(ROUNDS)) -> World:
    """Return the world in which the earlier version had ended its first rounds."""
    later = [n for n in ROUNDS if n >= n_rounds]
    trials = {trial["trial"] for n in later for trial in ROUNDS[n]["trials"]}
    gone = [f"{ROOT}/rounds/{n:04d}.json" for n in later]
    gone += [f"{ROOT}/trials/{trial:06d}/" for trial in trials]
    gone += [f"{ROOT}/predictions/", f"{ROOT}/winner/"] if later else []
    gone += [f"{ROOT}/objective.json"] if n_rounds <= 3 else []
    world = World()
    world.store.objects = {
        uri: text.encode() for uri, text in OBJECTS.items() if not uri.startswith(tuple(gone))
    }
    return world


def assert_retold(name: str, world: World) -> None:
    """Assert that a record says all that it said; a later version may say more."""
    now = json.loads(world.store.objects[f"{ROOT}/{name}"])
    earlier = json.loads(OBJECTS[f"{ROOT}/{name}"])
    assert {key: now[key] for key in earlier} == earlier


def test_a_finished_search_stays_finished() -> None:
    world = a_world()
    observed = world.run()
    assert [winner.revision for winner in observed.winners] == [1]
    assert world.runner.started == []
    assert {uri: content.decode() for uri, content in world.store.objects.items()} == OBJECTS


@pytest.mark.parametrize("n_rounds", range(1, len(ROUNDS)))
def test_the_next_round_is_the_one_that_the_earlier_version_planned(n_rounds: int) -> None:
    world = a_world(n_rounds)
    observed = world.run()
    assert_retold(f"rounds/{n_rounds:04d}.json", world)
    assert len(observed.winners) == 1


def test_the_objective_is_fixed_as_the_earlier_version_fixed_it() -> None:
    world = a_world(3)
    world.run()
    assert_retold("objective.json", world)


def test_the_winner_is_judged_as_the_earlier_version_judged_it() -> None:
    world = a_world()
    del world.store.objects[f"{ROOT}/winner/0001.json"]
    world.run()
    assert_retold("winner/0001.json", world)
    assert world.runner.started == []


def test_a_status_of_an_earlier_version_is_read() -> None:
    world = a_world()
    accepted = accept(world.store, world.search, uid="uid00", root=ROOT, image="scripted")
    ports = Ports(
        store=world.store,
        runner=world.runner,
        proposer=world.proposer,
        sink=world.sink,
        clock=world.clock,
    )
    Driver(accepted, ports, live=lambda: world.search, slots=2, status=STORED["status"]).run()
    earlier = {c["type"]: c for c in STORED["status"]["conditions"]}
    for condition in world.sink.statuses[-1]["conditions"]:
        before = earlier[condition["type"]]
        assert condition["lastTransitionTime"] == before["lastTransitionTime"]


NEWER = {
    "search.json": {"schemaVersion": 2},
    "rounds/0003.json": {"schemaVersion": 2},
    "objective.json": {"schemaVersion": 2},
    "predictions/0001.json": {"schemaVersion": 2},
    "winner/0001.json": {"schemaVersion": 2},
    "trials/000007/outcome.json": {"schemaVersion": 2},
    "trials/000007/attempt-0001.json": {"reason": "new"},
}


@pytest.mark.parametrize("name", NEWER)
def test_a_ledger_of_a_newer_version_is_refused_in_words(name: str) -> None:
    world = a_world()
    uri = f"{ROOT}/{name}"
    if name.endswith("attempt-0001.json"):
        outcome = json.loads(OBJECTS[f"{ROOT}/trials/000007/outcome.json"])
        plain = outcome["attempts"][0]
    else:
        plain = json.loads(OBJECTS[uri])
    world.store.objects[uri] = json.dumps(plain | NEWER[name]).encode()
    with pytest.raises(HistoryMismatch, match=f"{uri} was written by a newer version"):
        world.run()
    assert world.runner.started == []


def test_a_document_of_a_newer_version_is_refused_in_words() -> None:
    world = a_world()
    record = json.loads(OBJECTS[f"{ROOT}/search.json"])
    record["document"]["spec"]["search"]["wishes"] = 3
    world.store.objects[f"{ROOT}/search.json"] = json.dumps(record).encode()
    with pytest.raises(HistoryMismatch, match=r"it has the field spec\.search\.wishes"):
        world.run()
