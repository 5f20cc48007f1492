"""The command line on a real cluster, as a person uses it: through its entry point."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from control_plane import PodRunner
from mixatlas.contract.reasons import REASONS
from mixatlas.controller.access import HINTS
from mixatlas.controller.doctor import RIGHTS
from mixatlas.controller.names import lease_path, search_path
from operator_cluster import Cluster
from processes import until
from small_search import document as small

PLUG_IN = Path(sys.executable).parent / "kubectl-mixatlas"
Plain = dict[str, Any]
Mixatlas = Callable[..., tuple[int, str]]


def document(*, max_trials: int = 6, script: str = "") -> str:
    """Return a search of few trials: twelve with base and confirmation."""
    text = small(max_trials=max_trials, parallelism=3, script=script)
    return text.replace("{candidates: 2, seeds: 3}", "{candidates: 1, seeds: 2}")


@pytest.fixture
def mixatlas(cluster: Cluster) -> Mixatlas:
    """Return a way to run a command: by default as the administrator, in the test's namespace."""
    return commands(cluster, cluster.plane.kubeconfig, cluster.s3.settings.environment())


def commands(cluster: Cluster, kubeconfig: Path, store: Mapping[str, str]) -> Mixatlas:
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "MIXATLAS_"))}

    def run(*arguments: str) -> tuple[int, str]:
        ended = subprocess.run(
            [str(PLUG_IN), *arguments, "-n", cluster.namespace],
            env={**environ, **store, "KUBECONFIG": str(kubeconfig)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return ended.returncode, ended.stdout

    return run


@pytest.fixture
def outsider(cluster: Cluster, tmp_path: Path) -> Mixatlas:
    """Return a way to run a command as somebody without any rights, and without a store."""
    accounts = f"/api/v1/namespaces/{cluster.namespace}/serviceaccounts"
    until(lambda: cluster.api.get(f"{accounts}/default"))
    made = cluster.api.create(f"{accounts}/default/token", {"spec": {}})
    config = json.loads(cluster.plane.kubeconfig.read_text())
    config["users"][0]["user"] = {"token": made["status"]["token"]}
    path = tmp_path / "outsider.kubeconfig"
    path.write_text(json.dumps(config))
    return commands(cluster, path, {})


def drained(cluster: Cluster) -> bool:
    """Tell whether nothing runs, seen by a pass that the operator made afterwards."""
    if cluster.jobs():
        return False
    path = search_path(cluster.namespace, "small")
    limit = 20 + cluster.search("small")["metadata"]["generation"]
    edited = cluster.api.patch(path, {"spec": {"budget": {"maxFailedTrials": limit}}}, "merge")
    wanted = edited["metadata"]["generation"]
    until(lambda: cluster.search("small")["status"]["observedGeneration"] >= wanted)
    return not cluster.jobs()


def ends_well(cluster: Cluster) -> None:
    """Wait until a search has ended with an answer."""
    cluster.until_condition("small", "Succeeded", "True", 300)


def test_suspend_starts_nothing_and_resume_goes_on(
    cluster: Cluster, pod_runner: PodRunner, mixatlas: Mixatlas
) -> None:
    cluster.apply(document(script="slow=0.5"))
    cluster.start_operator()
    until(lambda: len(pod_runner.created) >= 3)

    code, said = mixatlas("suspend", "small")
    assert (code, said.splitlines()[-1]) == (0, "To take it back: mixatlas resume small")
    assert "nothing new starts" in said
    cluster.until_condition("small", "Suspended", "True")
    begun = {*pod_runner.created, *(job["metadata"]["name"] for job in cluster.jobs())}
    until(lambda: drained(cluster))
    assert set(pod_runner.created) == begun
    assert "small  Suspended  trials " in mixatlas("status", "small")[1]
    assert mixatlas("suspend", "small") == (0, "small: nothing to change\n")

    assert mixatlas("resume", "small")[0] == 0
    ends_well(cluster)
    assert len(pod_runner.created) > len(begun)
    code, said = mixatlas("suspend", "small")
    assert code == 5
    assert "small is over" in said


def test_a_checkpoint_ends_what_runs_and_another_attempt_goes_on(
    cluster: Cluster, pod_runner: PodRunner, mixatlas: Mixatlas
) -> None:
    cluster.apply(document(script="slow=600"))
    cluster.start_operator()
    until(lambda: pod_runner.created)
    (first,) = pod_runner.created
    until(lambda: re.search(r"^0 +0 +base +running ", mixatlas("trials", "small")[1], re.MULTILINE))
    code, said = mixatlas("suspend", "small", "--checkpoint")
    assert code == 0
    assert "take a checkpoint and end" in said
    until(lambda: not cluster.jobs())
    assert cluster.until_condition("small", "Suspended", "True")
    assert mixatlas("resume", "small")[0] == 0
    until(lambda: len(pod_runner.created) == 2)
    assert first.endswith("-t000000-a1")
    assert pod_runner.created[1] == first.removesuffix("1") + "2"


def test_stop_comes_to_a_winner_without_further_mixtures(
    cluster: Cluster, pod_runner: PodRunner, mixatlas: Mixatlas
) -> None:
    cluster.apply(document(max_trials=40))
    cluster.start_operator()
    until(lambda: len(pod_runner.created) >= 3)
    assert mixatlas("suspend", "small")[0] == 0
    code, said = mixatlas("stop", "small")
    assert code == 0
    assert "the winner is published" in said
    ends_well(cluster)
    status = cluster.search("small")["status"]
    assert status["winner"]
    assert "proposed" not in status["counts"]


def test_cancel_ends_what_runs_and_resume_takes_it_back(
    cluster: Cluster, pod_runner: PodRunner, mixatlas: Mixatlas
) -> None:
    cluster.apply(document(script="slow=1"))
    cluster.start_operator()
    until(lambda: len(pod_runner.created) >= 3)
    assert mixatlas("cancel", "small")[0] == 0
    finished = cluster.until_condition("small", "Finished", "True")
    assert finished["reason"] == "Cancelled"
    until(lambda: not cluster.jobs())
    assert "Cancelled" in mixatlas("list")[1]
    assert "cancelled" in mixatlas("trials", "small")[1]
    code, said = mixatlas("stop", "small")
    assert code == 5
    assert "To go on: mixatlas resume small" in said

    assert mixatlas("resume", "small")[0] == 0
    ends_well(cluster)


def test_what_is_told_of_a_search(
    cluster: Cluster, pod_runner: PodRunner, mixatlas: Mixatlas
) -> None:
    code, said = mixatlas("list")
    assert (code, said) == (0, f"There is no search in namespace {cluster.namespace}.\n")
    cluster.apply(document())
    code, said = mixatlas("trials", "small")
    assert code == 5
    assert "small has no ledger yet" in said
    assert mixatlas("export", "mixture", "small") == (code, said)
    cluster.start_operator()
    ends_well(cluster)

    header, row = mixatlas("list")[1].splitlines()
    assert header.split() == ["NAME", "STATUS", "TRIALS", "RUN", "FAIL", "GAIN", "GPU-H", "AGE"]
    assert row.split()[0] == "small"
    assert row.split()[2] == "6/6"
    everywhere = mixatlas("list", "-A")[1]
    assert re.search(rf"^{cluster.namespace} +small ", everywhere, re.MULTILINE)
    (resource,) = json.loads(mixatlas("list", "-o", "json")[1])
    assert json.loads(mixatlas("status", "small", "-o", "json")[1]) == resource
    assert resource["kind"] == "MixtureSearch"
    trials = json.loads(mixatlas("trials", "small", "-o", "json")[1])
    assert {trial["state"] for trial in trials} == {"ok"}
    code, said = mixatlas("export", "trials", "small", "-o", "json")
    assert (code, json.loads(said)) == (0, trials)
    code, said = mixatlas("export", "mixture", "small", "--format", "json")
    winner = resource["status"]["winner"]
    assert (code, json.loads(said)["digest"]) == (0, winner["digest"])
    code, said = mixatlas("logs", "small", "3")
    assert code == 0
    assert said.startswith("==> ")
    assert "\ntrial 3\n" in said
    code, said = mixatlas("status", "smal")
    assert code == 5
    assert "There are: small." in said


def test_doctor_passes_a_cluster_that_works(cluster: Cluster, mixatlas: Mixatlas) -> None:
    operator = start_leader(cluster)
    code, said = mixatlas("doctor")
    assert code == 0, said
    assert "✗" not in said
    assert "✓ MixtureSearch v1alpha1 is installed, as this version defines it" in said
    assert f"✓ the operator first leads in namespace {cluster.namespace}" in said
    assert "bucket mixatlas" in said

    operator.terminate()
    operator.wait(timeout=60)
    code, said = mixatlas("doctor")
    assert code == 1
    assert f"✗ no operator leads in namespace {cluster.namespace}" in said


def test_doctor_tells_of_a_search_in_trouble(cluster: Cluster, mixatlas: Mixatlas) -> None:
    cluster.apply(document().replace("name: squares", "name: circles"))
    start_leader(cluster)
    cluster.until_condition("small", "Accepted", "False")
    code, said = mixatlas("doctor")
    assert code == 1
    assert "✗ search small: InvalidSpec: " in said
    assert REASONS["InvalidSpec"].remedy in said
    assert "Accepted: InvalidSpec: " in mixatlas("status", "small")[1]


def test_somebody_without_rights(cluster: Cluster, outsider: Mixatlas) -> None:
    cluster.apply(document())
    code, said = outsider("suspend", "small")
    assert code == 6
    assert 'mixturesearches.mixatlas.dev "small" is forbidden: User "system:serviceaccount:' in said
    assert HINTS[403] in said
    code, said = outsider("doctor")
    assert code == 1
    for right in RIGHTS:
        assert f"✗ you may not {right} in namespace {cluster.namespace}" in said
    assert "– not allowed to look: customresourcedefinitions" in said
    assert "– not allowed to look: leases" in said


def test_a_server_that_is_not_there(cluster: Cluster, tmp_path: Path) -> None:
    config = json.loads(cluster.plane.kubeconfig.read_text())
    config["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:9"
    path = tmp_path / "elsewhere.kubeconfig"
    path.write_text(json.dumps(config))
    code, said = commands(cluster, path, {})("doctor")
    assert code == 1
    assert said.startswith("✗ the API server does not answer")
    assert "✓" not in said


def start_leader(cluster: Cluster) -> subprocess.Popen[bytes]:
    operator = cluster.start_operator(
        MIXATLAS_LEASE_NAMESPACE=cluster.namespace, MIXATLAS_IDENTITY="first"
    )
    lease = lease_path(cluster.namespace)
    until(lambda: (cluster.api.get(lease) or {}).get("spec", {}).get("holderIdentity") == "first")
    return operator
