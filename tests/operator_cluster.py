"""An operator process and its searches, in a namespace of a real control plane."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.request import urlopen

import yaml

from control_plane import ControlPlane
from mixatlas.adapters.s3 import S3Store
from mixatlas.controller.api import Api
from mixatlas.controller.names import SEARCHES
from mixatlas.corpus import push
from mixatlas.local.s3_files import HOST
from mixatlas.local.s3_server import S3Server
from processes import until
from small_corpus import make_corpus

SECRET = "store"
"""Name of the Secret with the pods' credentials, in every test's namespace."""
CRD = yaml.safe_load(
    (Path(__file__).parents[1] / "crds/mixturesearches.mixatlas.dev.yaml").read_text()
)
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
Plain = dict[str, Any]


@dataclass
class Cluster:
    """What a test of the operator works with: one namespace of its own."""

    plane: ControlPlane
    s3: S3Server
    namespace: str
    log: Path
    operators: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def api(self) -> Api:
        return self.plane.api

    def start_operator(self, **environ: str) -> subprocess.Popen[bytes]:
        """Start `mixatlas operator` as a process of its own."""
        environment = {
            **os.environ,
            **self.s3.settings.environment(),
            "KUBECONFIG": str(self.plane.kubeconfig),
            "MIXATLAS_NAMESPACE": self.namespace,
            "MIXATLAS_TRAINER_IMAGE": "localhost/trainer:test",
            "MIXATLAS_POD_SECRET": SECRET,
            "MIXATLAS_ADDRESS": "127.0.0.1",
            "MIXATLAS_PORT": "0",
            "MIXATLAS_JOB_RETENTION_S": "1",
            "MIXATLAS_RESYNC_S": "2",
            **environ,
        }
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-c", "from mixatlas.cli import main; main()", "operator"],
                env=environment,
                stdout=log,
                stderr=log,
            )
        self.operators.append(process)
        return process

    def apply(self, document: str) -> Plain:
        """Create a search from a document."""
        resource = yaml.safe_load(document)
        return self.api.create(self.searches, resource)

    @property
    def searches(self) -> str:
        return f"{SEARCHES}/namespaces/{self.namespace}/mixturesearches"

    def search(self, name: str) -> Plain:
        found = self.api.get(f"{self.searches}/{name}")
        assert found is not None
        return found

    def jobs(self) -> list[Plain]:
        return list(self.api.list(f"/apis/batch/v1/namespaces/{self.namespace}/jobs"))

    def pods(self) -> list[Plain]:
        return list(self.api.list(f"/api/v1/namespaces/{self.namespace}/pods"))

    def condition(self, name: str, kind: str) -> Plain:
        """Return a condition of a search, empty where there is none yet."""
        status = self.search(name).get("status", {})
        return next((c for c in status.get("conditions", ()) if c["type"] == kind), {})

    def until_condition(self, name: str, kind: str, value: str, seconds: float = 400) -> Plain:
        """Wait until a condition of a search has a value."""

        def holds() -> Plain | None:
            for process in self.operators:
                assert process.poll() in (None, 0, -9), self.log.read_text()[-3000:]
            found = self.condition(name, kind)
            return found if found.get("status") == value else None

        try:
            return until(holds, seconds)
        except AssertionError as error:
            status = self.search(name).get("status")
            raise AssertionError(f"{error}: {status}\n{self.log.read_text()[-3000:]}") from None


def is_ready(port: int) -> bool:
    """Tell whether an operator works: it has listed everything, and does not stand by."""
    try:
        with urlopen(f"http://{HOST}:{port}/readyz", timeout=5) as answer:
            return bool(answer.read() == b"ok")
    except OSError:  # it starts, or says that it is not ready
        return False


@contextmanager
def plane_with_searches(folder: Path, binaries: Mapping[str, Path]) -> Iterator[ControlPlane]:
    """Run a control plane that knows the resource."""
    with ControlPlane(folder, binaries) as plane:
        plane.api.create(CRDS, CRD)
        until(lambda: _serves_searches(plane.api))
        yield plane


def _serves_searches(api: Api) -> bool:
    crd = api.get(f"{CRDS}/{CRD['metadata']['name']}") or {}
    conditions = {c["type"]: c["status"] for c in crd.get("status", {}).get("conditions") or ()}
    return conditions.get("Established") == "True"


@contextmanager
def store_with_corpus(folder: Path) -> Iterator[S3Server]:
    """Run a store that holds the small corpus."""
    make_corpus(folder)
    with S3Server(folder / "s3") as server:
        store = S3Store(server.settings)
        for bucket in ("corpora", "mixatlas"):
            store.ensure_bucket(bucket)
        push(folder / "corpus", "s3://corpora/small", store)
        yield server


@contextmanager
def namespace_on(plane: ControlPlane, s3: S3Server, folder: Path) -> Iterator[Cluster]:
    """Make a namespace with the pods' credentials; the operators in it end with it."""
    made = plane.api.create(
        "/api/v1/namespaces",
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"generateName": "test-"}},
    )
    namespace = made["metadata"]["name"]
    keys = s3.settings.environment()
    plane.api.create(
        f"/api/v1/namespaces/{namespace}/secrets",
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": SECRET},
            "stringData": {k: v for k, v in keys.items() if k.endswith(("_ID", "_KEY"))},
        },
    )
    cluster = Cluster(plane, s3, namespace, folder / "operator.log")
    try:
        yield cluster
    finally:
        for process in cluster.operators:
            process.terminate()
        for process in cluster.operators:
            process.wait(timeout=60)


@contextmanager
def whole_cluster(binaries: Mapping[str, Path]) -> Iterator[Cluster]:
    """Run a control plane and a store in a temporary folder, with one namespace."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("plane", "store", "run"):
            (folder / part).mkdir()
        with (
            plane_with_searches(folder / "plane", binaries) as plane,
            store_with_corpus(folder / "store") as s3,
            namespace_on(plane, s3, folder / "run") as cluster,
        ):
            yield cluster
