"""`mixatlas replay`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from mixatlas.cli import cli
from mixatlas.contract.errors import SpecError

RNG = np.random.default_rng(6)
W_nd = RNG.dirichlet(np.ones(3), size=20)


def replay(folder: Path, *options: str) -> Result:
    ratios = [f"r{i}," + ",".join(f"{v:.6f}" for v in w) for i, w in enumerate(W_nd)]
    # The last run has no loss: it cannot be found.
    losses = [f"r{i},{(w[0] - 0.5) ** 2 if i < 19 else ''}" for i, w in enumerate(W_nd)]
    (folder / "w.csv").write_text("\n".join(["run,a,b,c", *ratios]))
    (folder / "m.csv").write_text("\n".join(["run,loss", *losses]))
    files = ["--ratios", f"{folder}/w.csv", "--metrics", f"{folder}/m.csv"]
    return CliRunner().invoke(
        cli, ["replay", *files, "--objective", "loss", "--minimize", *options]
    )


def test_it_tells_how_soon_the_best_was_found(tmp_path: Path) -> None:
    options = ("--trials", "19", "--initial", "4", "--batch", "5", "--seeds", "2")
    done = replay(tmp_path, *options, "--method", "Random", "--json", f"{tmp_path}/out.json")
    assert done.exit_code == 0, done.output
    assert [line.split()[0] for line in done.stdout.splitlines()] == [
        "TRIALS",
        "4",
        "9",
        "14",
        "19",
    ]
    assert done.stdout.splitlines()[-1].split() == ["19", "0", "0.0000"]
    out = json.loads((tmp_path / "out.json").read_text())
    assert out["method"] == "Random"
    assert [len(search["steps"]) for search in out["searches"]] == [4, 4]


def test_standard_errors_matter(tmp_path: Path) -> None:
    searches = []
    options = ("--trials", "12", "--initial", "6", "--batch", "1", "--seeds", "3")
    for name in ("name", "loss.sem"):  # skipped, and not
        replay(tmp_path)
        head, *rows = (tmp_path / "m.csv").read_text().splitlines()
        sems = [f"{row},{0.3 * (i % 2)}" for i, row in enumerate(rows)]
        (tmp_path / "n.csv").write_text("\n".join([f"{head},{name}", *sems]))
        files = ("--metrics", f"{tmp_path}/n.csv", "--json", f"{tmp_path}/out.json")
        done = replay(tmp_path, *files, *options)
        assert done.exit_code == 0, done.output
        searches.append(json.loads((tmp_path / "out.json").read_text())["searches"])
    assert searches[0] != searches[1]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--trials", "20"), "--trials is 20, with --initial 8 and 19 runs"),
        (("--trials", "6"), "--trials is 6, with --initial 8"),
        (("--objective", "gain"), "there is no metric 'gain'"),
    ],
)
def test_what_the_table_cannot_give_is_named(
    tmp_path: Path, options: tuple[str, ...], said: str
) -> None:
    done = replay(tmp_path, *options)
    assert isinstance(done.exception, SpecError)
    assert said in str(done.exception)
