"""A control plane with a real node, and a release of the chart with the real images on it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from binaries import built
from control_plane import SERVICE_ADDRESS, ControlPlane
from helm import CHART, RELEASE, Helm
from mixatlas.local.s3_server import S3Server
from node import node
from node_images import TAG, build_images
from operator_cluster import store_with_corpus
from real_cluster import RealCluster

PROGRAMS = ("containerd", "runc", "buildah", "skopeo", "debootstrap")
BINARIES = (
    *("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"),
    *("kubelet", "kubectl", "helm"),
)
SECRET = "minio-credentials"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with store_with_corpus(tmp_path_factory.mktemp("store")) as server:
        yield server


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory, s3: S3Server) -> Iterator[RealCluster]:
    """A cluster whose one node has the images and nothing else."""
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if os.geteuid() != 0 or missing:
        pytest.skip(f"a real node needs root and {', '.join(PROGRAMS)}: make test-deps")
    binaries = built(*BINARIES)
    images = build_images()
    with ControlPlane(tmp_path_factory.mktemp("plane"), binaries, SERVICE_ADDRESS) as plane:
        plane.start_scheduler()
        folder = tmp_path_factory.mktemp("node")
        with node(folder, plane, binaries["kubelet"], images.pause) as containerd:
            for image in (images.trainer, images.operator):
                containerd.load(image)
            yield RealCluster(plane, binaries, images, s3)


@pytest.fixture(scope="session")
def release(cluster: RealCluster) -> RealCluster:
    """The cluster with the operator, which is ready."""
    keys = cluster.s3.settings
    cluster.kubectl(
        *("create", "secret", "generic", SECRET),
        f"--from-literal=AWS_ACCESS_KEY_ID={keys.access_key}",
        f"--from-literal=AWS_SECRET_ACCESS_KEY={keys.secret_key}",
    )
    operator, trainer = (
        {"repository": image.removesuffix(f":{TAG}"), "tag": TAG}
        for image in (cluster.images.operator, cluster.images.trainer)
    )
    values = {
        "image": operator,
        "trainer": {"image": trainer, "gpus": 0},
        # Pods share the host's network here, and nothing outside it is to reach the operator.
        "extraEnv": [{"name": "MIXATLAS_ADDRESS", "value": "127.0.0.1"}],
        "storage": {"endpoint": keys.endpoint, "existingSecret": SECRET, "podSecretName": SECRET},
    }
    helm = Helm(cluster.binaries["helm"], cluster.plane.kubeconfig)
    helm.run("install", RELEASE, CHART, "--wait", "--timeout", "5m", values=values)
    return cluster
