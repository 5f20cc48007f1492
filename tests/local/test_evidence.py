"""A real local search that begins with tables: real store, processes and surrogate."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from mixatlas.cli.plan import command as plan
from mixatlas.local.place import open_store
from mixatlas.local.state import StateFolder
from mixatlas.plan.plan import why_finished
from mixatlas.spec.model import MixtureSearch
from small_search import QuietSink, document, prepare, run

TABLES = "{ratios: s3://corpora/tables/r.csv, metrics: s3://corpora/tables/m.csv}"
RIGHT = "are evidence for squares: 4 of 4 domains matched"


def put_tables(search: MixtureSearch, state: StateFolder) -> None:
    """Put 30 runs, of which the first domain's weight is the score, into the search's store."""
    with open_store(search, state) as (store, _):
        manifest = json.loads(store.get("s3://corpora/small/manifest.json") or b"")
        names = [domain["name"] for domain in manifest["domains"]]
        W_nd = np.random.default_rng(0).dirichlet(np.ones(len(names)), 30).tolist()
        ratios = [",".join([str(i), *map(str, w)]) for i, w in enumerate(W_nd)]
        metrics = [f"{i},{w[0]}" for i, w in enumerate(W_nd)]
        header = ",".join(["run", *names])
        store.put("s3://corpora/tables/r.csv", "\n".join([header, *ratios]).encode())
        store.put("s3://corpora/tables/m.csv", "\n".join(["run,squares", *metrics]).encode())


@pytest.mark.slow
def test_a_search_begins_with_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))  # the trainers are processes
    text = document().replace("seed: 3", f"seed: 3, warmStart: [{TABLES}]")
    search, state = prepare(tmp_path, text)
    put_tables(search, state)
    shown = CliRunner().invoke(plan, ["-f", str(tmp_path / "search.yaml")])
    assert RIGHT in " ".join(shown.output.split()), shown.output

    sink = QuietSink()
    observed = run(search, state, sink).observed
    finished = why_finished(observed)
    assert finished is not None
    assert finished.name in ("Succeeded", "NoGainShown")
    assert [RIGHT in text for reason, text in sink.events if reason == "EvidenceRead"] == [True]
    proposed = [record for record in observed.rounds if record.kind == "proposed"]
    assert {record.basis for record in proposed} == {"surrogate"}
    for record in proposed:
        assert {len(row) for row in (record.hyperparameters or {}).values()} == {4 + 2 + 8 + 1}
