"""Nodes with GPUs that kwok simulates: pods run as soon as they are placed, and end when told."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from control_plane import HOST, ControlPlane
from mixatlas.local.s3_files import free_ports
from processes import end, until

GPUS = 1000
"""Of each node: few and big ones, because every node costs the API server its heartbeats."""
IS_OVER = "simulated/is-over"
"""Annotation of a pod that is to end well."""
STAGES = Path(__file__).with_suffix(".yaml")


@contextmanager
def simulated_nodes(plane: ControlPlane, kwok: Path, folder: Path, n_nodes: int) -> Iterator[None]:
    """Add nodes to a cluster that has a scheduler, with a kwok that plays them.

    Args:
        plane: The cluster.
        kwok: Its binary.
        folder: For its log.
        n_nodes: How many nodes of `GPUS` GPUs.
    """
    (port,) = free_ports(1)
    for number in range(n_nodes):
        plane.api.create("/api/v1/nodes", _node(f"simulated-{number}"))
    with (folder / "kwok.log").open("wb") as log:
        process = subprocess.Popen(
            [
                *(str(kwok), f"--kubeconfig={plane.kubeconfig}", f"--config={STAGES}"),
                *("--manage-all-nodes=true", "--node-lease-duration-seconds=40"),
                *(f"--server-address={HOST}:{port}", f"--node-ip={HOST}", "--cidr=127.97.0.1/16"),
            ],
            stdout=log,
            stderr=log,
        )
    try:
        until(lambda: _is_serving(port))
        until(lambda: all(map(_is_ready, plane.api.list("/api/v1/nodes"))))
        yield
    finally:
        end(process)


def _node(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}}


def _is_serving(port: int) -> bool:
    try:
        with urlopen(f"http://{HOST}:{port}/healthz", timeout=1) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _is_ready(node: dict[str, Any]) -> bool:
    conditions = node.get("status", {}).get("conditions") or ()
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
