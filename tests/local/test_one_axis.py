"""A real local search on one axis: real store, processes and surrogate, a scripted trainer."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from mixatlas.cli.export import command as export
from mixatlas.contract.canonical import canonical_json, sha256_hex
from mixatlas.contract.mixture import PPM
from mixatlas.plan.plan import why_finished
from mixatlas.plan.status import describe
from small_search import QuietSink, document, prepare, run

BOUNDS = """\
  space: {bounds: [{domain: square, min: "0.2"}, {domain: stripe, min: "0.2"}]}
"""


@pytest.mark.slow
def test_a_search_on_one_axis_ends_with_a_mixture_of_cells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))  # the trainers are processes
    text = document(axes="concept").replace("  search:", f"{BOUNDS}  search:")
    search, state = prepare(tmp_path, text)
    observed = run(search, state, QuietSink()).observed
    assert observed.accepted.space.domains == ("square", "stripe")
    finished = why_finished(observed)
    assert finished is not None
    assert finished.name in ("Succeeded", "NoGainShown")
    bases = {record.basis for record in observed.rounds if record.kind == "proposed"}
    assert bases == {"surrogate"}, "the surrogate needs no grid"

    arguments = ["mixture", "-f", str(tmp_path / "search.yaml"), "--format", "json"]
    exported = CliRunner().invoke(export, arguments)
    assert exported.exit_code == 0, exported.output
    mixture = json.loads(exported.stdout)
    assert set(mixture["ppm"]) == {
        f"{concept}.{task}" for concept in ("square", "stripe") for task in ("caption", "vqa")
    }
    assert sum(mixture["ppm"].values()) == PPM
    cells = [{"domain": name, "ppm": ppm} for name, ppm in sorted(mixture["ppm"].items())]
    assert mixture["digest"] == sha256_hex(canonical_json(cells))
    assert describe(observed, 0.0)[0]["winner"]["digest"] == mixture["digest"]
