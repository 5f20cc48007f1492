"""Writes what is generated from the code: the custom resource and the references."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from mixatlas.cli import cli
from mixatlas.cli.reference import render_commands
from mixatlas.corpus.tasks.reference import render_tasks
from mixatlas.spec.conditions import render_conditions
from mixatlas.spec.crd import render_crd
from mixatlas.spec.reference import render_reference

ROOT = Path(__file__).resolve().parent.parent


def render_corpus_build() -> str:
    """Return what the command in the example's head prints."""
    document = ROOT / "examples" / "kubernetes" / "corpus.yaml"
    lines = document.read_text(encoding="utf-8").splitlines()
    command = " ".join(line.strip("#\\ ") for line in lines[1:5]).split(" > ")[0]
    arguments = [
        str(document) if "/" in word and word.startswith("examples") else word
        for word in command.split()[1:]
    ]
    result = CliRunner().invoke(cli, arguments)
    if result.exit_code:
        raise RuntimeError(result.output)
    return f"# Printed by `mixatlas corpus jobs`; see corpus.yaml.\n{result.stdout}"


GENERATED = {
    "crds/mixturesearches.mixatlas.dev.yaml": render_crd,
    "charts/mixatlas/files/mixturesearches.mixatlas.dev.yaml": render_crd,  # Helm sees no other
    "docs/reference/commands.md": render_commands,
    "examples/kubernetes/corpus-build.yaml": render_corpus_build,
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
