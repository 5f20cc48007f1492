"""An operator process and its searches, in a namespace of a real control plane."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from control_plane import ControlPlane
from mixatlas.controller.api import Api
from mixatlas.controller.names import SEARCHES
from mixatlas.local.s3_server import S3Server
from processes import until

SECRET = "store"
"""Name of the Secret with the pods' credentials, in every test's namespace."""
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
