"""The Jobs of a corpus build on a real API server: released one after the other."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml
from click.testing import CliRunner

from control_plane import PodRunner
from mixatlas.cli import cli
from mixatlas.contract.exit_codes import CliExit
from mixatlas.controller.names import jobs_path
from operator_cluster import Cluster
from processes import until

DOCUMENT = Path(__file__).parents[2] / "examples" / "kubernetes" / "corpus.yaml"
STAGES = ("llava-embed", "llava-fit", "llava-assign", "llava-join")
PATHS = {
    "ConfigMap": "/api/v1/namespaces/{}/configmaps",
    "ServiceAccount": "/api/v1/namespaces/{}/serviceaccounts",
    "Job": "/apis/batch/v1/namespaces/{}/jobs",
    "Role": "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/roles",
    "RoleBinding": "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/rolebindings",
}
Plain = dict[str, Any]


def apply_build(cluster: Cluster) -> None:
    """Create all objects, as kubectl does; unknown fields are refused."""
    flags = ["--work", "s3://corpora/work", "--out", "s3://corpora/llava", "--name", "llava"]
    flags += ["--registry", "localhost", "--endpoint", "http://minio:9000"]
    flags += ["-n", cluster.namespace]
    result = CliRunner().invoke(cli, ["corpus", "jobs", "-f", str(DOCUMENT), *flags])
    assert result.exit_code == 0, result.output
    for item in yaml.safe_load_all(result.stdout):
        path = PATHS[item["kind"]].format(cluster.namespace)
        cluster.api.create(path, item, fieldValidation="Strict")


def release(cluster: Cluster) -> subprocess.Popen[str]:
    command = ["-n", cluster.namespace, *STAGES]
    return subprocess.Popen(
        [
            sys.executable,
            "-c",
            "from mixatlas.cli import main; main()",
            "corpus",
            "release",
            *command,
        ],
        env={**os.environ, "KUBECONFIG": str(cluster.plane.kubeconfig)},
        stderr=subprocess.PIPE,
        text=True,
    )


def run_pods(cluster: Cluster, code: int) -> PodRunner:
    def program(environ: Mapping[str, str], wait: Callable[[float], bool]) -> int:
        return code

    return PodRunner(cluster.api, program, cluster.namespace)


def test_each_job_is_released_when_the_one_before_is_complete(cluster: Cluster) -> None:
    apply_build(cluster)
    with run_pods(cluster, 0) as runner:
        process = release(cluster)
        process.wait(timeout=300)
    assert process.returncode == 0, process.stderr.read() if process.stderr else ""
    stages = [name for name in runner.created if name in STAGES]
    assert stages == sorted(stages, key=STAGES.index), "no pod before its turn"
    assert [stages.count(name) for name in STAGES] == [32, 1, 32, 1]


def test_a_stage_that_fails_ends_the_build(cluster: Cluster) -> None:
    apply_build(cluster)
    job = jobs_path(cluster.namespace, "llava-embed")
    cluster.api.patch(job, {"spec": {"parallelism": 32}}, "merge")
    with run_pods(cluster, CliExit.INVALID_SPEC) as runner:
        process = release(cluster)
        _, words = process.communicate(timeout=300)
    assert process.returncode == CliExit.SEARCH_FAILED
    assert "Job llava-embed has failed" in words
    tries = runner.created.count("llava-embed")
    assert tries == 32, "what is wrong with the document is not tried again"
    fit = cluster.api.get(jobs_path(cluster.namespace, "llava-fit"))
    assert fit is not None
    assert fit["spec"]["suspend"]


def test_a_job_that_is_missing_is_named(cluster: Cluster) -> None:
    process = release(cluster)
    _, words = process.communicate(timeout=60)
    assert "Job llava-embed is missing" in words
    assert until(lambda: process.poll()) == CliExit.SEARCH_FAILED
