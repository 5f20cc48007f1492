"""Where logs come from, and why there are none."""

from __future__ import annotations

from typing import Any

import pytest

from fake_cluster import NAMESPACE, a_condition, a_search, access_to
from mixatlas.contract.errors import SearchFailed, SpecError
from mixatlas.controller.jobs import why_pending
from mixatlas.controller.look import FROM_OUTSIDE, logs_of, look_at
from mixatlas.controller.names import pods_path

STORE = {"AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9"}


def a_pod(name: str, phase: str, created: str, *containers: str, **status: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "creationTimestamp": created},
        "spec": {"containers": [{"name": each} for each in containers or ("main",)]},
        "status": {"phase": phase, **status},
    }


def test_an_open_trial_is_told_of_by_its_pods_oldest_first() -> None:
    pods = [
        a_pod("second", "Running", "2026-01-02T00:00:00Z", "side", "trainer"),
        a_pod("first", "Failed", "2026-01-01T00:00:00Z"),
        a_pod("third", "Pending", "2026-01-03T00:00:00Z"),
    ]
    logs = {f"{pods_path(NAMESPACE, name)}/log": f"log of {name}" for name in ("first", "second")}
    access, api = access_to(a_search(), objects={pods_path(NAMESPACE): pods}, logs=logs)
    assert logs_of(access, "small", 3, {}) == [
        ("first", "log of first"),
        ("second", "log of second"),
    ]
    selector = "mixatlas.dev/search-uid=uid00,mixatlas.dev/trial=3"
    assert (pods_path(NAMESPACE), {"labelSelector": selector}) in api.asked
    assert (f"{pods_path(NAMESPACE, 'second')}/log", {"container": "trainer"}) in api.asked
    assert (f"{pods_path(NAMESPACE, 'first')}/log", {"container": "main"}) in api.asked


def test_a_trial_that_waits_says_what_for() -> None:
    unplaced = a_condition("PodScheduled", "False", "Unschedulable", "0/3 nodes are available")
    pods = [a_pod("p", "Pending", "2026-01-01T00:00:00Z", conditions=[unplaced])]
    access, _ = access_to(a_search(), objects={pods_path(NAMESPACE): pods})
    with pytest.raises(SearchFailed, match="trial 3 waits: 0/3 nodes are available") as raised:
        logs_of(access, "small", 3, {})
    assert raised.value.hint == "kubectl -n team describe pod p"


def test_an_image_that_cannot_be_pulled_is_why() -> None:
    waiting = {"state": {"waiting": {"reason": "ErrImagePull", "message": "not found"}}}
    pod = a_pod("p", "Pending", "2026-01-01T00:00:00Z", containerStatuses=[waiting])
    assert why_pending(pod) == "ErrImagePull: not found"
    assert why_pending(a_pod("p", "Pending", "2026-01-01T00:00:00Z"))


@pytest.mark.parametrize(
    ("conditions", "words"),
    [
        ([], "small has no ledger yet"),
        ([a_condition("Accepted", "False", "InvalidSpec", "no such domain")], "no such domain"),
    ],
)
def test_a_search_without_a_ledger_says_why(conditions: list[Any], words: str) -> None:
    access, _ = access_to(a_search(status={"conditions": conditions}))
    with pytest.raises(SearchFailed, match=words):
        logs_of(access, "small", 3, STORE)


def test_a_store_without_an_address_is_asked_for() -> None:
    access, _ = access_to(a_search(status={"ledger": "s3://mixatlas/searches/team/small/uid00"}))
    with pytest.raises(SpecError) as raised:
        logs_of(access, "small", 3, {})
    assert raised.value.hint == FROM_OUTSIDE


def test_a_search_that_is_missing_cannot_be_looked_at() -> None:
    access, _ = access_to()
    with pytest.raises(SearchFailed, match="there is no search small"):
        look_at(access, "small", STORE)
