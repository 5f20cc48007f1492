"""`mixatlas attribution`: which domain moves which metric."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from click.testing import CliRunner

from mixatlas.cli import cli

RNG = np.random.default_rng(6)
W_nd = RNG.dirichlet(np.ones(4), size=40)
NAMES = ("helps", "harms", "idle", "<b>odd</b>")


def write_tables(folder: Path) -> list[str]:
    score_n = np.sqrt(W_nd[:, 0]) - np.sqrt(W_nd[:, 1]) + 0.02 * RNG.normal(size=40)
    flat_n = np.ones(40)
    ratios = [f"r{i}," + ",".join(f"{v:.6f}" for v in w) for i, w in enumerate(W_nd)]
    metrics = [f"r{i},{a:.6f},{b}" for i, (a, b) in enumerate(zip(score_n, flat_n, strict=True))]
    (folder / "w.csv").write_text("\n".join(["run," + ",".join(NAMES), *ratios]))
    (folder / "m.csv").write_text("\n".join(["run,score,flat", *metrics]))
    return ["attribution", "--ratios", f"{folder}/w.csv", "--metrics", f"{folder}/m.csv"]


def test_effects_have_the_sign_and_the_certainty_that_the_runs_give(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, [*write_tables(tmp_path), "--csv", f"{tmp_path}/e.csv"])
    assert done.exit_code == 0, done.output
    with (tmp_path / "e.csv").open(newline="") as file:
        rows = {(row["domain"], row["metric"]): row for row in csv.DictReader(file)}
    assert len(rows) == 8
    assert float(rows["helps", "score"]["lower"]) > 0
    assert float(rows["harms", "score"]["upper"]) < 0
    for name in NAMES:
        row = rows[name, "flat"]
        assert float(row["lower"]) <= 0 <= float(row["upper"])
    first = done.stdout.splitlines()[1].split()
    assert first[0] in {"helps", "harms"}
    assert first[-1] == "*"


def test_the_heat_map_stands_alone_and_escapes_names(tmp_path: Path) -> None:
    command = [*write_tables(tmp_path), "--benchmark", "score", "--html", f"{tmp_path}/e.html"]
    done = CliRunner().invoke(cli, command)
    assert done.exit_code == 0, done.output
    page = (tmp_path / "e.html").read_text()
    assert "&lt;b&gt;odd" in page
    assert "<b>odd" not in page
    assert "http" not in page
    assert page.count("<td") == 4
    assert "flat" not in page
