"""`mixatlas propose`: the next mixtures after a table of finished runs."""

from __future__ import annotations

import csv
import io
import re
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from mixatlas.cli import cli
from mixatlas.contract.errors import MixAtlasError
from mixatlas.objective.pareto import non_dominated

RNG = np.random.default_rng(2)
DOMAINS = ("web", "code", "books")
W_nd = RNG.dirichlet(np.ones(3), size=16)
BEST = np.array([0.6, 0.4, 0.0])


def lines(values: np.ndarray, names: tuple[str, ...]) -> str:
    rows = [f"r{i}," + ",".join(f"{v:.6f}" for v in row) for i, row in enumerate(values)]
    return "\n".join(["run," + ",".join(names), *rows])


def propose(folder: Path, *options: str) -> Result:
    (folder / "ratios.csv").write_text(lines(W_nd, DOMAINS))
    loss_n = 1 + ((np.sqrt(W_nd) - np.sqrt(BEST)) ** 2).sum(axis=1)
    metrics = np.column_stack([loss_n, 3 - 2 * loss_n, 1 + W_nd[:, 2]])
    (folder / "metrics.csv").write_text(lines(metrics, ("loss", "gain", "reach")))
    files = ["--ratios", f"{folder}/ratios.csv", "--metrics", f"{folder}/metrics.csv"]
    return CliRunner().invoke(cli, ["propose", *files, *options])


def mixtures(text: str) -> tuple[list[str], list[dict[str, Fraction]]]:
    rows = list(csv.DictReader(io.StringIO(text)))
    return [row.pop("run") for row in rows], [
        {name: Fraction(value) for name, value in row.items()} for row in rows
    ]


@pytest.mark.parametrize(
    "options",
    [("--objective", "loss", "--minimize"), ("--objective", "gain")],
    ids=["smaller is better", "larger is better"],
)
def test_the_next_mixtures_lie_where_the_optimum_is(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    done = propose(tmp_path, "--batch", "3", *options)
    assert done.exit_code == 0, done.output
    names, rows = mixtures(done.stdout)
    assert names == ["next-1", "next-2", "next-3"]
    assert list(rows[0]) == list(DOMAINS)
    assert all(sum(row.values()) == 1 for row in rows)
    assert len({tuple(row.values()) for row in rows}) == 3
    nearest = min(
        np.abs(np.array([float(v) for v in row.values()]) - BEST).sum() / 2 for row in rows
    )
    assert nearest < 0.15
    assert "next-1: best mean\n" in done.stderr
    assert "next-3: quasi-random, to learn which domains matter\n" in done.stderr
    assert "best predicted: web 0." in done.stderr
    assert re.search(
        r"\d % of the space and \d+ of 16 tried mixtures are within one standard error", done.stderr
    )
    mean = float(done.stderr.split("objective ")[1].split(",")[0])
    assert mean == pytest.approx(1.0, abs=0.1)


def test_several_objectives_get_their_front_and_what_extends_it(tmp_path: Path) -> None:
    options = ("--objective", "reach", "--objective", "loss", "--minimize", "loss", "--batch", "2")
    done = propose(tmp_path, *options)
    assert done.exit_code == 0, done.output
    names, rows = mixtures(done.stdout)
    assert names == ["next-1", "next-2"]
    assert all(sum(row.values()) == 1 for row in rows)
    table = np.loadtxt(tmp_path / "metrics.csv", delimiter=",", skiprows=1, usecols=(3, 1))
    front = np.flatnonzero(non_dominated(table * [1, -1]))
    front = front[np.argsort(-table[front, 0])]
    reach, loss = table[front].T
    far = np.array([table[:, 0].min(), table[:, 1].max()]) + [-0.1, 0.1] * np.ptp(table, axis=0)
    # From the run with the largest reach on, each adds what it has less loss than the one before.
    volume = ((reach - far[0]) * (np.array([far[1], *loss[:-1]]) - loss)).sum()
    assert done.stderr.splitlines() == [
        f"Pareto front: {len(front)} of 16 runs",
        *(f"  r{i}: reach {table[i, 0]:.6g}, loss {table[i, 1]:.6g}" for i in front),
        f"hypervolume {volume:.6g} from the reference point reach {far[0]:.6g}, loss {far[1]:.6g}",
        "chosen: largest expected growth of the hypervolume",
    ]


@pytest.mark.parametrize(
    ("options", "best_run"),
    [
        pytest.param(("--minimize",), min, id="all"),
        pytest.param(("--minimize", "loss", "--minimize=gain"), min, id="both by name"),
        pytest.param((), max, id="none"),
    ],
)
def test_objectives_are_minimised_by_name_or_all(
    tmp_path: Path, options: tuple[str, ...], best_run: object
) -> None:
    done = propose(tmp_path, "--objective", "loss", "--objective", "gain", "--batch", "1", *options)
    assert done.exit_code == 0, done.output
    first = done.stderr.splitlines()[1]
    loss = [
        float(line.split(",")[1]) for line in (tmp_path / "metrics.csv").read_text().split()[1:]
    ]
    assert f"loss {best_run(loss):.6g}, " in first


def test_a_run_that_is_known_badly_is_not_the_best(tmp_path: Path) -> None:
    (tmp_path / "ratios.csv").write_text(lines(W_nd, DOMAINS))
    gain_n = -((np.sqrt(W_nd) - np.sqrt(BEST)) ** 2).sum(axis=1)
    worst = gain_n.argmin()
    lucky_n, sem_n = gain_n.copy(), np.zeros(16)
    lucky_n[worst], sem_n[worst] = 1.0, 10.0
    (tmp_path / "metrics.csv").write_text(
        lines(np.column_stack([lucky_n, sem_n]), ("gain", "gain.sem"))
    )
    files = ["--ratios", f"{tmp_path}/ratios.csv", "--metrics", f"{tmp_path}/metrics.csv"]
    done = CliRunner().invoke(cli, ["propose", *files, "--objective", "gain", "--batch", "1"])
    assert done.exit_code == 0, done.output
    (row,) = mixtures(done.stdout)[1]
    assert np.abs(np.array([float(v) for v in row.values()]) - BEST).sum() / 2 < 0.2
    assert float(done.stderr.split("objective ")[1].split(",")[0]) < 0.2


def test_limits_hold_exactly(tmp_path: Path) -> None:
    space = (
        "bounds: [{domain: web, max: '0.3'}]\n"
        "groups: [{name: text, domains: [web, books], min: '0.5'}]\n"
    )
    (tmp_path / "space.yaml").write_text(space)
    done = propose(
        tmp_path, "--objective", "loss", "--minimize", "--space", f"{tmp_path}/space.yaml"
    )
    assert done.exit_code == 0, done.output
    for row in mixtures(done.stdout)[1]:
        assert row["web"] <= Fraction(3, 10)
        assert row["web"] + row["books"] >= Fraction(1, 2)


def test_a_seed_gives_one_batch_and_a_file_holds_it(tmp_path: Path) -> None:
    options = ("--batch", "2", "--objective", "gain", "--seed", "5")
    done = propose(tmp_path, *options, "--out", f"{tmp_path}/next.csv")
    assert done.stdout == ""
    assert (tmp_path / "next.csv").read_text() == propose(tmp_path, *options).stdout


@pytest.mark.parametrize(
    ("options", "space", "said"),
    [
        (("--objective", "los"), None, "no metric 'los'"),
        (("--objective", "gain", "--objective", "los"), None, "no metric 'los'"),
        (("--objective", "gain", "--minimize", "loss"), None, "--minimize: 'loss' is no objective"),
        ((), "bounds: [{domain: wob, max: '0.3'}]", "wob"),
        ((), "bonds: []", "space.yaml:1:1: bonds: unknown field"),
        (
            (),
            "groups: [{name: all, domains: [web, code, books], max: '0.5'}]",
            "all",
        ),
    ],
    ids=[
        "no such metric",
        "none among several",
        "no such objective",
        "no such domain",
        "no such field",
        "an empty space",
    ],
)
def test_what_cannot_be_asked_is_named(
    tmp_path: Path, options: tuple[str, ...], space: str | None, said: str
) -> None:
    if space is not None:
        (tmp_path / "space.yaml").write_text(space)
        options = (*options, "--space", f"{tmp_path}/space.yaml")
    done = propose(tmp_path, *options)
    assert isinstance(done.exception, MixAtlasError)
    assert said in str(done.exception)
    assert done.stdout == ""
