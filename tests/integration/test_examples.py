"""The manifests that people copy are taken by a real API server, with no field unknown to it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from binaries import built
from control_plane import ControlPlane

EXAMPLES = Path(__file__).parents[2] / "examples" / "kubernetes"


@pytest.mark.parametrize("name", ["minio", "search", "train"])
def test_an_example_is_valid(control_plane: ControlPlane, name: str) -> None:
    kubectl = built("kubectl")["kubectl"]
    apply = (
        "apply",
        "--dry-run=server",
        "--validate=strict",
        f"--kubeconfig={control_plane.kubeconfig}",
    )
    ended = subprocess.run(
        [kubectl, *apply, "-f", EXAMPLES / f"{name}.yaml"], capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr == ""
