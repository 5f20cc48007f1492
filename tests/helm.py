"""The real Helm: renders our chart, and installs it."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

CHART = Path(__file__).parents[1] / "charts" / "mixatlas"
RELEASE, NAMESPACE = "mixatlas", "mixatlas-system"
Plain = dict[str, Any]
Objects = dict[tuple[str, str], Plain]
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class HelmRefused(Exception):
    """What Helm says when it refuses."""


@dataclass(frozen=True)
class Helm:
    """Helm, for one cluster or for none.

    Args:
        binary: The program.
        kubeconfig: Of the cluster; rendering needs none.
    """

    binary: Path
    kubeconfig: Path | None = None

    def render(
        self, values: Plain | None = None, *, release: str = RELEASE, namespace: str = NAMESPACE
    ) -> Objects:
        """Return what an installation would create, by kind and name.

        Raises:
            HelmRefused: The values are refused.
        """
        text = self.run("template", release, CHART, "-n", namespace, values=values)
        objects = [item for item in yaml.load_all(text, _LOADER) if item]
        found = {(item["kind"], item["metadata"]["name"]): item for item in objects}
        assert len(found) == len(objects), "two objects of one kind and name"
        return found

    def run(self, *arguments: str | Path, values: Plain | None = None) -> str:
        """Run a command with values on its standard input, and return what it prints.

        Raises:
            HelmRefused: It fails.
        """
        command = [str(self.binary), *map(str, arguments)]
        if values is not None:
            command += ["--values", "-"]
        if self.kubeconfig is not None:
            command += ["--kubeconfig", str(self.kubeconfig)]
        ended = subprocess.run(
            command, input=json.dumps(values), capture_output=True, text=True, check=False
        )
        if ended.returncode != 0:
            raise HelmRefused(ended.stderr)
        return ended.stdout
