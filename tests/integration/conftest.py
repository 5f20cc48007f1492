"""A control plane and a store for all integration tests of a run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import scripted_trainer
from cluster_binaries import built
from control_plane import ControlPlane, PodRunner
from mixatlas.adapters.s3 import S3Store
from mixatlas.controller.api import Api
from mixatlas.corpus import push
from mixatlas.local.s3_server import S3Server
from operator_cluster import SECRET, Cluster
from processes import until
from small_corpus import make_corpus

ROOT = Path(__file__).parents[2]
CRD = yaml.safe_load((ROOT / "crds/mixturesearches.mixatlas.dev.yaml").read_text())
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
Plain = dict[str, Any]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    binaries = built("etcd", "kube-apiserver", "kube-controller-manager")
    with ControlPlane(tmp_path_factory.mktemp("cluster"), binaries) as plane:
        plane.api.create(CRDS, CRD)
        until(lambda: serves_searches(plane.api))
        yield plane


def serves_searches(api: Api) -> bool:
    crd = api.get(f"{CRDS}/{CRD['metadata']['name']}") or {}
    conditions = {c["type"]: c["status"] for c in crd.get("status", {}).get("conditions") or ()}
    return conditions.get("Established") == "True"


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    folder = tmp_path_factory.mktemp("store")
    make_corpus(folder)
    with S3Server(folder / "s3") as server:
        store = S3Store(server.settings)
        for bucket in ("corpora", "mixatlas"):
            store.ensure_bucket(bucket)
        push(folder / "corpus", "s3://corpora/small", store)
        yield server


@pytest.fixture
def cluster(control_plane: ControlPlane, s3: S3Server, tmp_path: Path) -> Iterator[Cluster]:
    made = control_plane.api.create(
        "/api/v1/namespaces",
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"generateName": "test-"}},
    )
    namespace = made["metadata"]["name"]
    keys = s3.settings.environment()
    control_plane.api.create(
        f"/api/v1/namespaces/{namespace}/secrets",
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": SECRET},
            "stringData": {k: v for k, v in keys.items() if k.endswith(("_ID", "_KEY"))},
        },
    )
    cluster = Cluster(control_plane, s3, namespace, tmp_path / "operator.log")
    try:
        yield cluster
    finally:
        for process in cluster.operators:
            process.terminate()
        for process in cluster.operators:
            process.wait(timeout=60)


@pytest.fixture
def pod_runner(control_plane: ControlPlane) -> Iterator[PodRunner]:
    with PodRunner(control_plane.api, scripted_trainer.main) as runner:
        yield runner
