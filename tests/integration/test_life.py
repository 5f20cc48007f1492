"""What people do to a running search on a cluster, and what it costs the API server."""

from __future__ import annotations

import urllib.request
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from control_plane import PodRunner
from mixatlas.adapters.s3 import S3Store
from mixatlas.controller.names import jobs_path
from mixatlas.driver.books import read_outcomes
from mixatlas.ledger.evidence import EvidenceRecord
from mixatlas.ledger.layout import Layout
from mixatlas.ledger.records import TrialOutcome
from mixatlas.local.s3_files import free_ports
from operator_cluster import Cluster
from processes import until
from small_search import document as small

Plain = dict[str, Any]
AGENT = "mixatlas"
OUTPUT = """\
  output:
    job: {spec: {template: {spec: {containers: [{name: train, image: localhost/train:1}]}}}}
"""


def edit(cluster: Cluster, **spec: Any) -> None:
    cluster.api.patch(f"{cluster.searches}/small", {"spec": spec}, "merge")


def names(cluster: Cluster) -> set[str]:
    return {job["metadata"]["name"] for job in cluster.jobs()}


def assert_no_pod_twice(pod_runner: PodRunner) -> None:
    assert len(pod_runner.created) == len(set(pod_runner.created)), "one pod an attempt"


def test_a_checkpoint_suspension_ends_the_pods_and_the_next_attempts_go_on(
    cluster: Cluster, pod_runner: PodRunner
) -> None:
    cluster.apply(small(parallelism=3, script="slow=2"))
    cluster.start_operator()
    until(lambda: len(pod_runner.created) >= 3)
    edit(cluster, suspend=True, suspendMode="Checkpoint")
    cluster.until_condition("small", "Suspended", "True")
    until(lambda: not cluster.jobs() and not cluster.pods())

    edit(cluster, suspend=None)
    cluster.until_condition("small", "Finished", "True")
    assert_no_pod_twice(pod_runner)
    assert any(name.endswith("-a2") for name in pod_runner.created)


def test_a_search_at_parallelism_zero_waits_for_its_scale(
    cluster: Cluster, pod_runner: PodRunner
) -> None:
    cluster.apply(small(parallelism=0))
    cluster.start_operator()
    cluster.until_condition("small", "Accepted", "True")
    assert cluster.jobs() == []
    cluster.api.patch(f"{cluster.searches}/small/scale", {"spec": {"replicas": 4}}, "merge")
    until(lambda: len(pod_runner.created) >= 4)


def test_jobs_that_somebody_deletes_are_made_again(cluster: Cluster, pod_runner: PodRunner) -> None:
    cluster.apply(small(parallelism=2, script="slow=2"))
    cluster.start_operator()
    until(lambda: len(pod_runner.created) >= 2)
    running = until(lambda: [job for job in cluster.jobs() if job["status"].get("active")])
    deleted = running[-1]["metadata"]
    path = jobs_path(cluster.namespace, deleted["name"])
    cluster.api.delete(path, {"propagationPolicy": "Background"})
    until(lambda: pod_runner.created.count(deleted["name"]) == 2)
    cluster.until_condition("small", "Finished", "True")
    assert cluster.search("small")["status"]["summary"]["trials"] == "9/9"


def test_a_search_made_again_under_its_name_starts_from_nothing(
    cluster: Cluster, pod_runner: PodRunner
) -> None:
    old = cluster.apply(small(parallelism=3, script="slow=2"))["metadata"]["uid"]
    cluster.start_operator()
    until(lambda: len(pod_runner.created) >= 4)
    cluster.api.delete(f"{cluster.searches}/small", {"propagationPolicy": "Background"})
    until(lambda: cluster.api.get(f"{cluster.searches}/small") is None)
    new = cluster.apply(small(parallelism=3))["metadata"]["uid"]
    cluster.until_condition("small", "Finished", "True")
    status = cluster.search("small")["status"]
    assert status["summary"]["trials"] == "9/9"
    assert new in status["ledger"]
    assert old not in status["ledger"]
    assert_no_pod_twice(pod_runner)
    until(lambda: not cluster.jobs())


def test_a_search_made_again_with_its_old_ledger_trains_nothing_twice(
    cluster: Cluster, pod_runner: PodRunner
) -> None:
    cluster.apply(small(parallelism=3))
    cluster.start_operator()
    old = until(lambda: enough_outcomes(cluster))
    cluster.api.delete(f"{cluster.searches}/small", {"propagationPolicy": "Background"})
    until(lambda: cluster.api.get(f"{cluster.searches}/small") is None)
    done = outcomes(cluster, old)

    cluster.apply(small(parallelism=3, warm_start=old))
    cluster.until_condition("small", "Finished", "True")
    status = cluster.search("small")["status"]
    assert status["summary"]["trials"] == "9/9"
    new = outcomes(cluster, status["ledger"])
    taken = {outcome.digest for outcome in new if outcome.taken_from}
    assert len(taken) >= 4
    assert taken <= {outcome.digest for outcome in done}
    # Each file of a trial is written before its first Job.
    uris = S3Store(cluster.s3.settings).list(f"{status['ledger']}/trials/")
    trained = {uri.rsplit("/", 1)[1].removesuffix(".json") for uri in uris}
    assert not trained & {digest[:12] for digest in taken}


def test_a_search_with_another_trainer_learns_from_one_that_it_names(
    cluster: Cluster, pod_runner: PodRunner
) -> None:
    later = small(parallelism=3).replace("name: small", "name: later")
    later = later.replace('"0.003"', '"0.001"')
    cluster.apply(later.replace("seed: 3", "seed: 3, warmStart: [{search: small}]"))
    cluster.start_operator()
    cluster.until_condition("later", "Accepted", "False")
    cluster.apply(small(parallelism=3))
    cluster.until_condition("small", "Finished", "True")
    cluster.until_condition("later", "Finished", "True")
    root = cluster.search("later")["status"]["ledger"]
    assert not any(outcome.taken_from for outcome in outcomes(cluster, root))
    content = S3Store(cluster.s3.settings).get(Layout(root).evidence)
    assert content is not None
    (source,) = EvidenceRecord.model_validate_json(content).sources
    assert source.origin == (cluster.search("small")["status"]["ledger"],)
    assert source.differs == ("proxy.trainer",)


def outcomes(cluster: Cluster, ledger: str) -> list[TrialOutcome]:
    return list(read_outcomes(S3Store(cluster.s3.settings), Layout(ledger)))


def enough_outcomes(cluster: Cluster) -> str | None:
    """Return the ledger of the search once its base and some trials have ended."""
    ledger: str = cluster.search("small").get("status", {}).get("ledger", "")
    return ledger if ledger and len(outcomes(cluster, ledger)) >= 4 else None


@pytest.fixture
def finished(cluster: Cluster, pod_runner: PodRunner) -> str:
    """Return the name of the first output Job of a finished search."""
    cluster.apply(small(parallelism=3) + OUTPUT)
    cluster.start_operator()
    cluster.until_condition("small", "Finished", "True")
    until(lambda: any("-output-r1" in name for name in names(cluster)))
    return next(name for name in names(cluster) if "-output-r1" in name)


def test_the_output_job_runs_once_a_revision(cluster: Cluster, finished: str) -> None:
    path = jobs_path(cluster.namespace, finished)
    job = cluster.api.get(path) or {}
    (container,) = job["spec"]["template"]["spec"]["containers"]
    variables = {v["name"]: v["value"] for v in container["env"]}
    status = cluster.search("small")["status"]
    assert variables["MIXATLAS_MIXTURE_DIGEST"] == status["winner"]["digest"]
    mount = next(m for m in container["volumeMounts"] if m["mountPath"] == "/etc/mixatlas")
    volumes = {v["name"]: v for v in job["spec"]["template"]["spec"]["volumes"]}
    assert volumes[mount["name"]]["configMap"]["name"] == status["winner"]["configMap"]

    cluster.api.delete(path, {"propagationPolicy": "Background"})
    cluster.operators[0].terminate()
    cluster.operators[0].wait(timeout=60)
    cluster.start_operator()
    edit(cluster, search={"maxTrials": 11})
    until(lambda: any("-output-r2" in name for name in names(cluster)), 120)
    assert finished not in names(cluster), "revision 1 had its Job"
    assert cluster.search("small")["status"]["winner"]["revision"] == 2


def test_what_a_search_writes(cluster: Cluster, pod_runner: PodRunner) -> None:
    (port,) = free_ports(1)
    cluster.apply(small(parallelism=3))
    cluster.start_operator(MIXATLAS_PORT=str(port), MIXATLAS_RESYNC_S="1")
    cluster.until_condition("small", "Finished", "True")
    until(lambda: not cluster.jobs())
    writes = cluster.plane.writes(AGENT, cluster.namespace)
    n_trials = len(pod_runner.created)
    assert len(writes) <= 8 * n_trials, writes

    quiet = len(writes)
    series = metrics(port)
    until(lambda: metrics(port)["mixatlas_reconcile_seconds_count"] >= passes(series) + 10)
    assert len(cluster.plane.writes(AGENT, cluster.namespace)) == quiet, "an idle search is silent"
    assert series["mixatlas_search_trials"] >= 9
    assert series["mixatlas_turnaround_seconds_count"] > 0
    assert series["mixatlas_proposal_seconds_count"] > 0
    assert series["mixatlas_search_gpu_seconds"] > 0


def passes(series: dict[str, float]) -> float:
    return series["mixatlas_reconcile_seconds_count"]


def metrics(port: int) -> dict[str, float]:
    """Return the operator's series; of those with labels, the sum."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as page:
        text = page.read().decode()
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found[sample.name] = found.get(sample.name, 0.0) + sample.value
    return found
