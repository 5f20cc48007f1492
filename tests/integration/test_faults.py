"""F1, F2, F8, F12 on a real API server and a real store: kills, and servers that do not answer."""

from __future__ import annotations

from typing import Any

import pytest

from control_plane import PodRunner
from mixatlas.adapters.s3 import S3Store
from mixatlas.ledger.records import TrialOutcome
from operator_cluster import Cluster
from small_search import document as small
from stepping import (
    Faults,
    Step,
    SteppingOperator,
    answer_lost,
    killed_after,
    killed_before,
    unavailable,
)

OUTPUT = """\
  output:
    job: {spec: {template: {spec: {containers: [{name: train, image: localhost/train:1}]}}}}
"""
KINDS = {
    "create configmaps",
    "create events",
    "create jobs",
    "create jobs (dry run)",
    "delete jobs",
    "patch status",
    "store objective.json",
    "store output/N.json",
    "store predictions/N.json",
    "store report/index.html",
    "store rounds/N.json",
    "store search.json",
    "store trials/N/FILE",
    "store trials/N/outcome.json",
    "store winner/N.json",
}
"""Every kind of write that this search makes."""


def run(cluster: Cluster, name: str, *script: Step) -> tuple[dict[int, Any], SteppingOperator]:
    """Run a search to its end, and return what each trial's outcome says of it."""
    cluster.apply(small(parallelism=1).replace("name: small", f"name: {name}") + OUTPUT)
    faults = Faults(script)
    operator = SteppingOperator(cluster, faults)

    def is_over() -> bool:
        jobs = [j["metadata"]["name"] for j in cluster.jobs()]
        own = [job.split("-", 2)[2] for job in jobs if job.startswith(f"{name}-")]
        is_finished = cluster.condition(name, "Finished").get("status") == "True"
        return is_finished and own == ["output-r1"]

    operator.until(is_over)
    assert set(faults.seen) == KINDS
    assert min(faults.seen.values()) >= len(script), faults.seen
    store = S3Store(cluster.s3.settings)
    found = {}
    for uri in store.list(cluster.search(name)["status"]["ledger"] + "/trials/"):
        if uri.endswith("/outcome.json"):
            outcome = TrialOutcome.model_validate_json(store.get(uri) or b"")
            found[outcome.trial] = (outcome.digest, outcome.purpose, outcome.scores)
    return found, operator


@pytest.fixture(autouse=True)
def credentials(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in cluster.s3.settings.environment().items():
        monkeypatch.setenv(name, value)


def test_trouble_at_every_kind_of_write_changes_nothing(
    cluster: Cluster, pod_runner: PodRunner
) -> None:
    undisturbed, _ = run(cluster, "calm")
    killed, operator = run(cluster, "killed", killed_before, killed_after)
    assert killed == undisturbed
    assert operator.n_crashes == 2 * len(KINDS)
    troubled, _ = run(cluster, "troubled", unavailable, answer_lost)
    assert troubled == undisturbed
    attempts = [name for name in pod_runner.created if "-output-" not in name]
    assert len(attempts) == len(set(attempts)), "one pod an attempt"


def test_a_store_that_comes_back_is_no_trouble_any_more(
    cluster: Cluster, pod_runner: PodRunner
) -> None:
    cluster.apply(small(parallelism=1, script="slow=600"))
    faults = Faults()
    operator = SteppingOperator(cluster, faults)
    operator.until(lambda: running(cluster) == "1")
    faults.is_store_down = True
    operator.until(lambda: degraded(cluster) == ("True", "StorageUnavailable"))
    faults.is_store_down = False
    operator.until(lambda: degraded(cluster) == ("False", "Healthy"))
    assert len(pod_runner.created) == 1


def test_a_ledger_of_a_newer_operator_is_left_alone_and_told_of(
    cluster: Cluster, pod_runner: PodRunner
) -> None:
    cluster.apply(small(parallelism=1, script="slow=600"))
    SteppingOperator(cluster, Faults()).until(lambda: running(cluster) == "1")
    store = S3Store(cluster.s3.settings)
    uri = f"{cluster.search('small')['status']['ledger']}/rounds/0000.json"
    ours = store.get(uri)
    assert ours is not None
    store.put(uri, ours.replace(b'"schemaVersion":1', b'"schemaVersion":2'))
    older = SteppingOperator(cluster, Faults())
    older.until(lambda: degraded(cluster) == ("True", "HistoryMismatch"))
    assert "a newer version" in cluster.condition("small", "Degraded")["message"]
    assert cluster.condition("small", "Accepted")["status"] == "True"
    store.put(uri, ours)
    older.until(lambda: degraded(cluster) == ("False", "Healthy"))
    assert len(pod_runner.created) == 1


def running(cluster: Cluster) -> str:
    status = cluster.search("small").get("status", {})
    return str(status.get("summary", {}).get("running", ""))


def degraded(cluster: Cluster) -> tuple[str, str]:
    condition = cluster.condition("small", "Degraded")
    return condition.get("status", ""), condition.get("reason", "")
