"""A control plane and a store for all integration tests of a run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import scripted_trainer
from binaries import built
from control_plane import ControlPlane, PodRunner
from mixatlas.local.s3_server import S3Server
from operator_cluster import Cluster, namespace_on, plane_with_searches, store_with_corpus


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    binaries = built("etcd", "kube-apiserver", "kube-controller-manager")
    with plane_with_searches(tmp_path_factory.mktemp("cluster"), binaries) as plane:
        yield plane


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with store_with_corpus(tmp_path_factory.mktemp("store")) as server:
        yield server


@pytest.fixture
def cluster(control_plane: ControlPlane, s3: S3Server, tmp_path: Path) -> Iterator[Cluster]:
    with namespace_on(control_plane, s3, tmp_path) as cluster:
        yield cluster


@pytest.fixture
def pod_runner(cluster: Cluster) -> Iterator[PodRunner]:
    with PodRunner(cluster.api, scripted_trainer.main, cluster.namespace) as runner:
        yield runner
