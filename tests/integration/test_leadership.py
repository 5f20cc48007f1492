"""Two operators, one Lease: one works, the other takes over, and nothing is done twice."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator

import pytest

from control_plane import PodRunner
from mixatlas.adapters.s3 import S3Store
from mixatlas.controller.names import lease_path
from mixatlas.ledger.records import TrialOutcome
from operator_cluster import Cluster
from processes import until
from small_search import document as small


def document(script: str = "") -> str:
    return small(parallelism=3, script=script) + "  output: {formats: [csv]}\n"


def start(cluster: Cluster, identity: str) -> subprocess.Popen[bytes]:
    return cluster.start_operator(
        MIXATLAS_LEASE_NAMESPACE=cluster.namespace, MIXATLAS_IDENTITY=identity
    )


def holder(cluster: Cluster) -> str:
    lease = cluster.api.get(lease_path(cluster.namespace)) or {}
    return str(lease.get("spec", {}).get("holderIdentity", ""))


@pytest.fixture
def leader(cluster: Cluster, pod_runner: PodRunner) -> subprocess.Popen[bytes]:
    """Return an operator that leads in the middle of a search."""
    cluster.apply(document(script="slow=1"))
    first = start(cluster, "first")
    until(lambda: holder(cluster) == "first")
    until(lambda: len(pod_runner.created) >= 2)
    return first


@pytest.fixture
def conclusion(cluster: Cluster, pod_runner: PodRunner) -> Iterator[None]:
    """Whatever a test did: the search ends, each attempt ran once, and records are true."""
    yield
    cluster.until_condition("small", "Finished", "True")
    assert len(pod_runner.created) == len(set(pod_runner.created)), "no Job twice"
    store = S3Store(cluster.s3.settings)
    outcomes = [
        TrialOutcome.model_validate_json(store.get(uri) or b"")
        for uri in store.list(cluster.search("small")["status"]["ledger"] + "/trials/")
        if uri.endswith("/outcome.json")
    ]
    assert len(outcomes) > 9
    for outcome in outcomes:
        assert outcome.credited is not None
        assert outcome.credited.pod_uid in {a.pod_uid for a in outcome.attempts}


def test_the_second_leads_as_soon_as_the_first_stops(
    cluster: Cluster, leader: subprocess.Popen[bytes], conclusion: None
) -> None:
    start(cluster, "second")
    leader.send_signal(signal.SIGTERM)
    assert leader.wait(timeout=60) == 0
    assert holder(cluster) != "first", "given back"
    until(lambda: holder(cluster) == "second")


def test_a_leader_that_was_paused_past_its_lease_ends(
    cluster: Cluster, leader: subprocess.Popen[bytes], pod_runner: PodRunner, conclusion: None
) -> None:
    leader.send_signal(signal.SIGSTOP)
    start(cluster, "second")
    until(lambda: holder(cluster) == "second", 60)
    n_before = len(pod_runner.created)
    until(lambda: len(pod_runner.created) > n_before)
    leader.send_signal(signal.SIGCONT)
    assert leader.wait(timeout=60) == 1
    cluster.operators.remove(leader)


def test_a_leader_without_an_api_server_ends(
    cluster: Cluster, leader: subprocess.Popen[bytes], conclusion: None
) -> None:
    with cluster.plane.frozen_api():
        assert leader.wait(timeout=60) == 1
    cluster.operators.remove(leader)
    start(cluster, "second")
