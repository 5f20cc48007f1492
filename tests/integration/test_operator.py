"""Searches on a real API server and a real store, with a scripted trainer in the pods."""

from __future__ import annotations

import json
import signal
from typing import Any

import yaml

from control_plane import PodRunner
from mixatlas.contract.mixture import PPM
from mixatlas.controller.names import config_maps_path
from operator_cluster import Cluster
from processes import until
from small_search import document as small


def document(script: str = "") -> str:
    """Return the small search, for a cluster."""
    return small(parallelism=3, script=script) + "  output: {formats: [csv]}\n"


def test_a_search_concludes_and_hands_over(cluster: Cluster, pod_runner: PodRunner) -> None:
    cluster.apply(document())
    operator = cluster.start_operator()

    finished = cluster.until_condition("small", "Finished", "True")
    assert finished["reason"] in ("Succeeded", "NoGainShown")
    status = cluster.search("small")["status"]
    assert status["observedGeneration"] == 1
    assert status["summary"]["trials"] == "9/9"
    assert status["winner"]["configMap"] == "small-mixture"

    path = config_maps_path(cluster.namespace, "small-mixture")
    config_map = until(lambda: cluster.api.get(path))
    mixture = json.loads(config_map["data"]["mixture.json"])
    assert sum(mixture["ppm"].values()) == PPM
    assert mixture["digest"] == status["winner"]["digest"]
    assert "mixture.csv" in config_map["data"]
    until(lambda: not cluster.jobs())
    assert len(pod_runner.created) == len(set(pod_runner.created)), "one pod an attempt"

    tampered = [{"op": "add", "path": "/data", "value": {"mixture.json": "{}"}}]
    cluster.api.patch(path, tampered, "json")
    operator.send_signal(signal.SIGTERM)
    assert operator.wait(timeout=60) == 0
    cluster.start_operator()
    until(lambda: repaired(cluster, path, config_map["data"]))


def repaired(cluster: Cluster, path: str, data: dict[str, Any]) -> bool:
    return (cluster.api.get(path) or {}).get("data") == data


def test_an_operator_that_is_killed_twelve_times_goes_on(
    cluster: Cluster, pod_runner: PodRunner
) -> None:
    # Each life starts up to two trials: 30 are more than twelve lives can use up.
    cluster.apply(small(parallelism=2, max_trials=30, script="slow=0.2"))
    for _ in range(12):
        before = len(pod_runner.created)
        operator = cluster.start_operator()
        until(lambda n=before: len(pod_runner.created) > n, 120)  # type: ignore[misc]
        operator.kill()
        operator.wait()
    assert cluster.condition("small", "Finished").get("status") != "True"
    cluster.start_operator()
    cluster.until_condition("small", "Finished", "True")
    assert cluster.search("small")["status"]["summary"]["trials"] == "30/30"
    assert len(pod_runner.created) == len(set(pod_runner.created)), "no Job twice"


def test_a_deleted_search_leaves_nothing(cluster: Cluster, pod_runner: PodRunner) -> None:
    cluster.apply(document(script="slow=600"))
    cluster.start_operator()
    until(cluster.pods)
    cluster.api.delete(f"{cluster.searches}/small", {"propagationPolicy": "Background"})
    until(lambda: not cluster.jobs() and not cluster.pods())


def test_a_document_that_does_not_fit_is_refused_until_it_is_corrected(cluster: Cluster) -> None:
    cluster.apply(document().replace("name: squares", "name: circles"))
    cluster.start_operator()
    refused = cluster.until_condition("small", "Accepted", "False")
    assert refused["reason"] == "InvalidSpec"
    assert "circles" in refused["message"]
    assert cluster.jobs() == []

    spec = yaml.safe_load(document())["spec"]
    cluster.api.patch(f"{cluster.searches}/small", {"spec": spec}, "merge")
    cluster.until_condition("small", "Accepted", "True")


def test_a_template_that_the_api_server_refuses(cluster: Cluster) -> None:
    cluster.apply(document().replace("name: trainer,", "name: trainer, imagePullPolcy: Always,"))
    cluster.start_operator()
    refused = cluster.until_condition("small", "Accepted", "False")
    assert refused["reason"] == "InvalidJobTemplate"
    assert "imagePullPolcy" in refused["message"]


def test_a_refused_trial_fails_the_search(cluster: Cluster, pod_runner: PodRunner) -> None:
    cluster.apply(document(script="refuse=1"))
    cluster.start_operator()
    cluster.until_condition("small", "Finished", "True")
    assert cluster.condition("small", "Succeeded")["status"] == "False"
    assert "43" in cluster.condition("small", "Finished")["message"]
