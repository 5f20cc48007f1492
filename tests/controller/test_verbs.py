"""Each verb patches its own fields, and only where that means something."""

from __future__ import annotations

from typing import Any

import pytest

from fake_cluster import a_condition, a_search, access_to
from mixatlas.contract.errors import SearchFailed
from mixatlas.controller.names import search_path
from mixatlas.controller.verbs import (
    CANCEL,
    CHECKPOINT,
    RESUME,
    STOP,
    SUSPEND,
    Verb,
    carry_out,
    find_search,
    searches_of,
)
from mixatlas.spec.editable import EDITABLE

ALL = (SUSPEND, CHECKPOINT, RESUME, STOP, CANCEL)


def over(reason: str) -> dict[str, Any]:
    return {"conditions": [a_condition("Finished", "True", reason)]}


@pytest.mark.parametrize(
    ("verb", "before", "patch"),
    [
        (SUSPEND, {}, {"suspend": True, "suspendMode": "Drain"}),
        (CHECKPOINT, {"suspend": True}, {"suspend": True, "suspendMode": "Checkpoint"}),
        (RESUME, {"suspend": True}, {"suspend": False, "conclude": None}),
        (RESUME, {"conclude": "Now"}, {"suspend": False, "conclude": None}),
        (STOP, {"suspend": True}, {"suspend": False, "conclude": "Drain"}),
        (STOP, {"conclude": "Now"}, {"suspend": False, "conclude": "Drain"}),
        (CANCEL, {"conclude": "Drain"}, {"conclude": "Now"}),
    ],
)
def test_a_verb_is_one_merge_patch(
    verb: Verb, before: dict[str, Any], patch: dict[str, Any]
) -> None:
    access, api = access_to(a_search(**before))
    assert carry_out(access, "small", verb)
    assert api.patches == [(search_path("team", "small"), {"spec": patch}, "merge")]


@pytest.mark.parametrize(
    ("verb", "before"),
    [
        (SUSPEND, {"suspend": True}),
        (SUSPEND, {"suspend": True, "suspendMode": "Drain"}),
        (CHECKPOINT, {"suspend": True, "suspendMode": "Checkpoint"}),
        (RESUME, {}),
        (RESUME, {"suspend": False}),
        (STOP, {"conclude": "Drain"}),
        (CANCEL, {"conclude": "Now"}),
    ],
)
def test_what_is_so_already_is_left(verb: Verb, before: dict[str, Any]) -> None:
    access, api = access_to(a_search(**before))
    assert not carry_out(access, "small", verb)
    assert api.patches == []


@pytest.mark.parametrize("verb", [v for v in ALL if v is not RESUME], ids=lambda v: v.name)
@pytest.mark.parametrize(
    ("reason", "hint"), [("Succeeded", "maxTrials"), ("Cancelled", "mixatlas resume small")]
)
def test_a_search_that_is_over_stays_as_it_ended(verb: Verb, reason: str, hint: str) -> None:
    access, api = access_to(a_search(status=over(reason)))
    with pytest.raises(SearchFailed, match=rf"small is over \({reason}\)") as refusal:
        carry_out(access, "small", verb)
    assert hint in refusal.value.hint
    assert api.patches == []


def test_a_cancelled_search_can_be_resumed() -> None:
    access, api = access_to(a_search(status=over("Cancelled"), conclude="Now"))
    assert carry_out(access, "small", RESUME)
    assert len(api.patches) == 1


def test_verbs_touch_only_what_may_change_while_a_search_runs() -> None:
    assert {(field,) for verb in ALL for field in verb.fields} <= set(EDITABLE)


def test_a_search_that_is_missing_names_those_there_are() -> None:
    access, _ = access_to(a_search("llava"), a_search("idefics"))
    with pytest.raises(SearchFailed, match="no search lava in namespace team") as refusal:
        find_search(access, "lava")
    assert refusal.value.hint == "There are: idefics, llava."


def test_searches_come_by_name() -> None:
    access, _ = access_to(a_search("b"), a_search("a"))
    assert [search["metadata"]["name"] for search in searches_of(access)] == ["a", "b"]
