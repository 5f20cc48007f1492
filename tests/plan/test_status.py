"""The status stays small, whatever a search has come to."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import yaml

from large_search import BENCHMARKS, a_large_search, size_of
from mixatlas.ledger.records import NearOptimal
from mixatlas.plan.conditions import LONGEST_MESSAGE, refused, shorten, troubled
from mixatlas.plan.status import describe
from mixatlas.spec.crd import render_crd
from scenario import World

LIMIT = 64 * 1024


@pytest.mark.parametrize("n_running", [0, 64], ids=["ended", "running"])
def test_two_thousand_trials_at_the_longest_names_fit(n_running: int) -> None:
    status, _ = describe(a_large_search(2000, n_running=n_running), 0.0)
    assert size_of(status) < LIMIT
    assert status["summary"]["status"] == ("Searching" if n_running else "Failed")
    assert len(status["best"]["mixture"]) == len(status["winner"]["mixture"]) == 128
    assert len(status["top"]) == 10
    assert len(status["inFlight"]) == min(n_running, 20)


def test_flags_say_once_what_to_do() -> None:
    status, _ = describe(a_large_search(8), 0.0)
    assert [flag["name"] for flag in status["flags"]] == ["AtChance", "NoisyBenchmark"]
    assert all(flag["remedy"] and flag["benchmarks"] == [*BENCHMARKS] for flag in status["flags"])


def test_the_size_of_the_near_optimal_set_is_that_of_the_last_candidates() -> None:
    observed = World().run()
    (first,) = observed.predictions
    assert first.near_optimal is not None

    def shown(*sets: NearOptimal | None) -> Any:
        records = [
            first.model_copy(update={"revision": revision, "near_optimal": near})
            for revision, near in enumerate(sets, start=1)
        ]
        one, other = (
            describe(replace(observed, predictions=tuple(order)), 0.0)[0].get("nearOptimal")
            for order in (records, reversed(records))
        )
        assert one == other
        return one

    near, other = (NearOptimal(share=s, reach=1, sampled=9, tried=2, eligible=3) for s in (0, 0.5))
    assert shown() is shown(near, None) is None
    assert shown(near, other) == other.to_plain()


def test_fields_of_the_near_optimal_set_are_those_of_the_resource() -> None:
    root = yaml.safe_load(render_crd())["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    described = root["properties"]["status"]["properties"]["nearOptimal"]["properties"]
    types = {"integer": int, "number": float}
    assert {name: types[field["type"]] for name, field in described.items()} == {
        field.alias: field.annotation for field in NearOptimal.model_fields.values()
    }


def test_a_message_is_cut_between_characters() -> None:
    longest = "ä" * (LONGEST_MESSAGE // 2)
    assert shorten(longest) == longest
    assert shorten(longest + "ä") == "ä" * (LONGEST_MESSAGE // 2 - 2) + "…"


def test_every_condition_is_cut() -> None:
    long = "mistake\n" * 5000
    for status in (refused({}, 1, "InvalidSpec", long, 0.0), troubled({}, "Trouble", long, 0.0)):
        assert [c["message"] for c in status["conditions"]] == [shorten(long)]
    status, _ = describe(a_large_search(8), 0.0)
    assert max(len(c["message"].encode()) for c in status["conditions"]) == LONGEST_MESSAGE
