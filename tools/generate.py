"""Writes what is generated from the code: the custom resource and the references."""

from __future__ import annotations

from pathlib import Path

from mixatlas.cli.reference import render_commands
from mixatlas.corpus.tasks.reference import render_tasks
from mixatlas.spec.conditions import render_conditions
from mixatlas.spec.crd import render_crd
from mixatlas.spec.reference import render_reference

ROOT = Path(__file__).resolve().parent.parent
GENERATED = {
    "crds/mixturesearches.mixatlas.dev.yaml": render_crd,
    "charts/mixatlas/files/mixturesearches.mixatlas.dev.yaml": render_crd,  # Helm sees no other
    "docs/reference/commands.md": render_commands,
    "docs/reference/conditions.md": render_conditions,
    "docs/reference/mixturesearch.md": render_reference,
    "docs/reference/tasks.md": render_tasks,
}


def main() -> None:
    """Write every generated file."""
    for name, render in GENERATED.items():
        path = ROOT / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(render(), encoding="utf-8")
        print(name)


if __name__ == "__main__":
    main()
