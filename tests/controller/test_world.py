"""What is known of a cluster, whatever happens to the events on their way."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mixatlas.controller.names import SEARCH_UID
from mixatlas.controller.world import World

Plain = dict[str, Any]


def a_job(uid: str, version: int, search: str = "s") -> Plain:
    metadata = {"uid": uid, "resourceVersion": str(version), "labels": {SEARCH_UID: search}}
    return {"metadata": metadata}


def versions(world: World, search: str = "s") -> dict[str, int]:
    return {
        job["metadata"]["uid"]: int(job["metadata"]["resourceVersion"])
        for job in world.of_search("job", search)
    }


# A history: each step makes, changes or removes one of a few objects; its number is the version.
STEPS = st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=20)


def history(steps: list[tuple[str, bool]]) -> tuple[list[tuple[str, Plain]], dict[str, int]]:
    """Return the events of a history, and what there is at its end.

    A name that is removed and made again is another object, as UIDs are never used twice.
    """
    events, alive, lives = [], {}, dict.fromkeys("abc", 0)
    for version, (name, is_removed) in enumerate(steps, start=1):
        uid = f"{name}{lives[name]}"
        if is_removed:
            if uid in alive:
                events.append(("gone", a_job(uid, version)))
                del alive[uid]
                lives[name] += 1
        else:
            events.append(("seen", a_job(uid, version)))
            alive[uid] = version
    return events, alive


def play(world: World, events: list[tuple[str, Plain]]) -> None:
    for kind, job in events:
        (world.lose if kind == "gone" else world.see)("job", job)


@given(STEPS, st.randoms(use_true_random=False))
def test_repeated_and_shuffled_events_tell_the_same(steps: Any, random: Any) -> None:
    events, alive = history(steps)
    shuffled = events + events
    random.shuffle(shuffled)
    world = World()
    play(world, shuffled)
    assert versions(world) == alive


@given(STEPS, st.data())
def test_a_list_repairs_what_lost_events_left(steps: Any, data: Any) -> None:
    events, alive = history(steps)
    kept = data.draw(st.lists(st.booleans(), min_size=len(events), max_size=len(events)))
    world = World()
    play(world, [event for event, is_kept in zip(events, kept, strict=True) if is_kept])
    was_right = versions(world) == alive
    changed = world.replace("job", [a_job(u, v) for u, v in alive.items()], len(steps))
    assert versions(world) == alive
    assert changed == (set() if was_right else {"s"})


@given(STEPS, st.data())
def test_a_stale_list_takes_nothing_back(steps: Any, data: Any) -> None:
    events, alive = history(steps)
    age = data.draw(st.integers(0, len(steps)))
    _, then = history(steps[:age])
    world = World()
    play(world, events)
    world.replace("job", [a_job(u, v) for u, v in then.items()], age)
    assert versions(world) == alive


def test_objects_are_found_by_their_search() -> None:
    world = World()
    world.see("job", a_job("a", 1, search="one"))
    world.see("job", a_job("b", 2, search="two"))
    assert versions(world, "one") == {"a": 1}
    world.lose("job", a_job("a", 3, search="one"))
    assert versions(world, "one") == {}


def test_an_object_of_nobody_is_kept_from_everybody() -> None:
    world = World()
    assert world.see("job", {"metadata": {"uid": "x", "resourceVersion": "1"}}) is None
    assert world.of_search("job", "s") == []


def test_the_ledger_of_a_search_is_found_by_name_in_its_own_namespace() -> None:
    world = World()
    for version, (namespace, name, status) in enumerate(
        [
            ("a", "other", {"ledger": "s3://a"}),
            ("b", "other", {"ledger": "s3://b"}),
            ("a", "new", {}),
        ]
    ):
        metadata = {"uid": f"u{version}", "resourceVersion": f"{version}"}
        metadata |= {"namespace": namespace, "name": name}
        world.see("search", {"metadata": metadata, "status": status})
    assert world.ledger_of("a", "other") == "s3://a"
    assert world.ledger_of("b", "other") == "s3://b"
    assert world.ledger_of("b", "new") is None
    assert world.ledger_of("a", "new") is None, "it was not accepted"
