"""kubectl and Helm, for a cluster whose pods run real images."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from control_plane import ControlPlane
from mixatlas.adapters.s3 import S3Store
from mixatlas.ledger.records import TrialOutcome
from mixatlas.local.s3_server import S3Server
from node_images import Images
from processes import until
from small_search import SMALL_MODEL, document

Plain = dict[str, Any]


def real_search(name: str, replaced: Mapping[str, str] = MappingProxyType({})) -> str:
    """Return the document of a small search for the real trainer.

    Args:
        name: Of the search.
        replaced: Parts of the document, and what stands there instead.
    """
    text = document(max_trials=6, model=SMALL_MODEL)
    ours = {
        "{name: small}": f"{{name: {name}}}",
        "{candidates: 2, seeds: 3}": "{candidates: 1, seeds: 2}",
    }
    for old, new in {**ours, **replaced}.items():
        assert old in text
        text = text.replace(old, new)
    return f"{text}  output: {{formats: [csv]}}\n"


@dataclass(frozen=True)
class RealCluster:
    """What a test works with; all of it in the namespace `default`."""

    plane: ControlPlane
    binaries: Mapping[str, Path]
    images: Images
    s3: S3Server

    def kubectl(self, *arguments: str, document: str | None = None) -> str:
        """Run kubectl to its end, with a document on its standard input."""
        ended = subprocess.run(
            self._command(*arguments), input=document, capture_output=True, text=True
        )
        assert ended.returncode == 0, f"kubectl {' '.join(arguments)}: {ended.stderr}"
        return ended.stdout

    @contextmanager
    def watching(self, log: Path, *arguments: str) -> Iterator[None]:
        """Run kubectl beside the block, with what it prints in a file."""
        with log.open("wb") as output:
            process = subprocess.Popen(self._command(*arguments), stdout=output)
        try:
            yield
        finally:
            process.terminate()
            process.wait()

    def finish(self, name: str) -> Plain:
        """Wait for the end of a search as pipelines do, and return its status."""
        self.kubectl("wait", "--for=condition=Finished", f"mxs/{name}", "--timeout=15m")
        status: Plain = json.loads(self.kubectl("get", "mxs", name, "-o", "json"))["status"]
        return status

    def outcome(self, status: Plain, trial: int) -> TrialOutcome:
        """Return how a trial ended, from the ledger of its search."""
        content = S3Store(self.s3.settings).get(
            f"{status['ledger']}/trials/{trial:06d}/outcome.json"
        )
        return TrialOutcome.model_validate_json(content)

    def running_pod(self, search: str, trial: int) -> Plain:
        """Wait until a pod of a trial runs, and return it."""
        selector = f"mixatlas.dev/search={search},mixatlas.dev/trial={trial}"

        pods = "/api/v1/namespaces/default/pods"

        def running() -> Plain | None:
            found = self.plane.api.list(pods, labelSelector=selector)
            return next((pod for pod in found if pod["status"]["phase"] == "Running"), None)

        return until(running, seconds=180)

    def mixatlas(self, *arguments: str) -> str:
        """Run a command of ours to its end, without any address of the store."""
        ended = subprocess.run(
            [sys.executable, "-c", "from mixatlas.cli import main; main()", *arguments],
            env={**os.environ, "KUBECONFIG": str(self.plane.kubeconfig)},
            capture_output=True,
            text=True,
        )
        assert ended.returncode == 0, f"mixatlas {' '.join(arguments)}: {ended.stderr}"
        return ended.stdout

    def _command(self, *arguments: str) -> list[str]:
        kubeconfig = f"--kubeconfig={self.plane.kubeconfig}"
        return [str(self.binaries["kubectl"]), kubeconfig, *arguments]
