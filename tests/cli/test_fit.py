"""`mixatlas fit`: predictions of new mixtures, trust in them, and tables that are not right."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from mixatlas.cli import cli
from mixatlas.contract.errors import SpecError
from mixatlas.surrogate.runs import join, read_metrics, read_ratios

RNG = np.random.default_rng(8)
DOMAINS = ("photo.caption", "photo.vqa", "chart.caption", "chart.vqa")
W_nd = RNG.dirichlet(np.ones(4), size=24).round(4)
W_nd[:, 3] = 1 - W_nd[:, :3].sum(axis=1)
LUCK: list[object] = list(np.random.default_rng(3).normal(size=24).round(3))
LOSS_n = 2 - np.sqrt(W_nd[:, 0]) - 0.5 * np.sqrt(W_nd[:, 1] + W_nd[:, 3])


def table(columns: dict[str, list[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return text.getvalue()


def ratios(rows: slice = slice(None)) -> str:
    names: list[object] = [f"r{i}" for i in range(24)][rows]
    columns = {name: list(W_nd[rows, d]) for d, name in enumerate(DOMAINS)}
    return table({"": list(names), "run": names, "name": list(names)} | columns)


def metrics(rows: slice = slice(None), **more: list[object]) -> str:
    names: list[object] = [f"r{i}" for i in range(24)][rows]
    return table({"run": names, "index": list(names), "loss": list(LOSS_n[rows])} | more)


def fit(folder: Path, *options: str, **files: str) -> Result:
    paths = {"ratios": ratios(), "metrics": metrics()} | files
    for name, text in paths.items():
        (folder / f"{name}.csv").write_text(text)
    arguments = ["fit", "--ratios", f"{folder}/ratios.csv", "--metrics", f"{folder}/metrics.csv"]
    return CliRunner().invoke(cli, [*arguments, *options])


def test_unseen_runs_are_predicted_within_their_intervals(tmp_path: Path) -> None:
    seen, unseen = slice(0, 18), slice(18, 24)
    done = fit(
        tmp_path,
        *("--predict", f"{tmp_path}/new.csv", "--out", f"{tmp_path}/out.csv"),
        ratios=ratios(seen),
        metrics=metrics(seen),
        new=ratios(unseen),
    )
    assert done.exit_code == 0, done.output
    with (tmp_path / "out.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["run", "loss.mean", "loss.sd"]
    assert [row["run"] for row in rows] == [f"r{i}" for i in range(18, 24)]
    mean = np.array([float(row["loss.mean"]) for row in rows])
    sd = np.array([float(row["loss.sd"]) for row in rows])
    assert np.corrcoef(mean, LOSS_n[unseen])[0, 1] > 0.9
    assert (np.abs(mean - LOSS_n[unseen]) < 4 * sd).all()
    assert "18 runs, 4 domains, a grid of 2 × 2" in done.output


def test_a_run_that_is_known_badly_is_no_outlier(tmp_path: Path) -> None:
    loss_n, sem_n = list(LOSS_n), [""] * 24
    loss_n[5] += 100
    table_of_one = {"run": [f"r{i}" for i in range(24)], "loss": loss_n}
    untold = fit(tmp_path, metrics=table(table_of_one)).output
    assert "no better than by the mean" in untold
    sem_n[5] = "1e3"
    told = fit(tmp_path, metrics=table(table_of_one | {"loss.sem": sem_n})).output
    assert "warning" not in told
    row = next(line.split() for line in told.splitlines() if line.startswith("loss"))
    plain = next(line.split() for line in fit(tmp_path).output.splitlines() if line[:4] == "loss")
    found, expected = (np.array(cells[2:], dtype=float) for cells in (row, plain))
    np.testing.assert_allclose(found[1:3], expected[1:3], atol=0.01)
    assert found[3] >= 90


def test_predictions_alone_go_to_standard_output(tmp_path: Path) -> None:
    done = fit(tmp_path, "--predict", f"{tmp_path}/ratios.csv")
    assert done.stdout.splitlines()[0] == "run,loss.mean,loss.sd"
    assert len(done.stdout.splitlines()) == 25
    assert "SPEARMAN" in done.stderr


def test_domains_of_new_mixtures_may_stand_in_any_order(tmp_path: Path) -> None:
    rows = list(csv.reader(io.StringIO(ratios())))
    turned = "\n".join(",".join([row[1], *row[:2:-1]]) for row in rows)
    done = fit(tmp_path, "--predict", f"{tmp_path}/new.csv", new=turned)
    straight = fit(tmp_path, "--predict", f"{tmp_path}/ratios.csv")
    assert done.exit_code == 0
    assert done.stdout == straight.stdout


@pytest.mark.parametrize("order", [RNG.permutation(24) for _ in range(2)])
def test_the_order_of_runs_does_not_matter(tmp_path: Path, order: np.ndarray) -> None:
    lines = metrics().splitlines()
    shuffled = "\n".join([lines[0], *(lines[1 + i] for i in order)])
    assert (
        fit(tmp_path, "--predict", f"{tmp_path}/ratios.csv", metrics=shuffled).stdout
        == fit(tmp_path, "--predict", f"{tmp_path}/ratios.csv").stdout
    )


@pytest.mark.parametrize(
    ("files", "said"),
    [
        pytest.param({"metrics": metrics(flat=[1] * 24)}, "flat is constant", id="constant"),
        pytest.param({"ratios": ratios(slice(0, 1))}, "all runs have one mixture", id="one run"),
        pytest.param({"ratios": ratios(slice(0, 2))}, "only 2 distinct mixtures", id="two runs"),
        pytest.param(
            {"ratios": ratios(slice(0, 3))}, "3 distinct mixtures for 4 domains", id="few runs"
        ),
        pytest.param(
            {"metrics": metrics(slice(0, 20))}, "left out: 4 runs (r20, r21", id="no metrics"
        ),
        pytest.param({"ratios": ratios(slice(0, 20))}, "4 runs (r20, r21", id="no weights"),
        pytest.param(
            {
                "ratios": "run,a,b,c\n"
                + "".join(f"r{i},{i / 30},{1 - i / 30},0\n" for i in range(24))
            },
            "1 domain (c) always at zero",
            id="a domain at zero",
        ),
        pytest.param(
            {
                "ratios": "run,a,b,c\n"
                + "".join(f"r{i},{i / 60},{1 - i / 30},{i / 60}\n" for i in range(24))
            },
            "a and c always move together",
            id="collinear",
        ),
        pytest.param(
            {"metrics": metrics(half=[1.0, ""] * 12, luck=LUCK)},
            "luck: left-out runs are predicted no better than by the mean",
            id="noise and gaps",
        ),
        pytest.param(
            {"ratios": "run,a,b\n" + "".join(f"r{i},0.5,0.5\n" for i in range(24))},
            "all runs have one mixture",
            id="all mixtures equal",
        ),
    ],
)
def test_poor_tables_are_fitted_with_a_warning(
    tmp_path: Path, files: dict[str, str], said: str
) -> None:
    done = fit(tmp_path, "--predict", f"{tmp_path}/ratios.csv", **files)
    assert done.exit_code == 0, done.output
    assert said in " ".join(done.stderr.split())
    values = [row.split(",")[1:] for row in done.stdout.splitlines()[1:]]
    assert np.isfinite(np.array(values, dtype=float)).all()


GOOD = "run,a,b\nx,0.5,0.5\ny,0.2,0.8\n"
BROKEN_RATIOS = {
    "": "1: there is no column `run`",
    "a,b\n0.5,0.5\n": "1: there is no column `run`",
    "run,name\nx,y\n": "1: there is no column beside `run`",
    "run,a,b\n": "1: there is no row below the header",
    "run,a,a\nx,0.5,0.5\n": "1: two columns are named a",
    "run,a\nx,1\n": "1: there is one domain, a",
    "run,a,b\nx,0.5\n": "2: the row has 2 cells, the header 3",
    "run,a,b\nx,0.5,0.5,0\n": "2: the row has 4 cells, the header 3",
    "run,a,b\nx,0.5,0.5\nx,0.2,0.8\n": "3: two rows are of run 'x'",
    "run,a,b\n,0.5,0.5\n": "2: the row's `run` is empty",
    "run,a,b\nx,0.5,half\n": "2: b: 'half' is not a number",
    "run,a,b\nx,0.5,\n": "2: b: '' is not a number",
    "run,a,b\nx,1.5,-0.5\n": "2: b: '-0.5' is negative",
    "run,a,b\nx,0.5,nan\n": "2: b: 'nan' is not a number",
    "run,a,b\nx,0.5,inf\n": "2: b: 'inf' is not a number",
    "run,a,b\n\nx,0.5,0.4\n": "3: the weights of run 'x' sum to 0.9",
    'run,a,b\nx,"0.5,0.5\n': "2: this is not CSV",
}
BROKEN_METRICS = {
    "run,loss\nx,low\n": "2: loss: 'low' is not a number",
    "run,loss\nx,inf\n": "2: loss: 'inf' is not finite",
    "run,loss\nx,\ny,nan\n": "1: no run has a value of loss",
    "run,index\nx,1\n": "1: there is no column beside `run`",
}


@pytest.mark.parametrize("text", BROKEN_RATIOS)
def test_broken_weights_are_named_by_line(text: str) -> None:
    with pytest.raises(SpecError) as error:
        read_ratios(text, "w.csv")
    assert str(error.value).startswith(f"w.csv:{BROKEN_RATIOS[text]}")
    assert error.value.hint


@pytest.mark.parametrize("text", BROKEN_METRICS)
def test_broken_metrics_are_named_by_line(text: str) -> None:
    with pytest.raises(SpecError) as error:
        read_metrics(text, "m.csv")
    assert str(error.value).startswith(f"m.csv:{BROKEN_METRICS[text]}")


@pytest.mark.parametrize(
    ("metrics_text", "said"),
    [
        ("run,loss\nz,1\n", "no run is in both tables"),
        ("run,loss\nx,\nz,1\n", "no run with weights has a value of loss"),
    ],
)
def test_tables_that_do_not_join(metrics_text: str, said: str) -> None:
    with pytest.raises(SpecError, match=said):
        join(read_ratios(GOOD, "w.csv"), read_metrics(metrics_text, "m.csv"))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--benchmark", "gain"), "no metric 'gain'"),
        (("--out", "out.csv"), "--out is given without --predict"),
        (("--predict", "NEW"), "the domain photo.vqa is missing"),
        (("--predict", "missing.csv"), "missing.csv"),
    ],
)
def test_options_that_do_not_fit(tmp_path: Path, options: tuple[str, ...], said: str) -> None:
    named = [f"{tmp_path}/new.csv" if option == "NEW" else option for option in options]
    done = fit(tmp_path, *named, new="run,photo.caption,chart.vqa\nx,0.5,0.5\n")
    assert isinstance(done.exception, SpecError)
    assert said in str(done.exception)


def test_nothing_is_left_where_predictions_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    done = fit(tmp_path, "--predict", f"{tmp_path}/ratios.csv", "--out", f"{tmp_path}/out")
    assert done.exit_code != 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["metrics.csv", "out", "ratios.csv"]


def test_spreadsheets_marks_and_line_ends_are_read(tmp_path: Path) -> None:
    (tmp_path / "ratios.csv").write_bytes(b"\xef\xbb\xbf" + ratios().replace("\n", "\r\n").encode())
    text = (tmp_path / "ratios.csv").read_text(encoding="utf-8")
    assert read_ratios(text, "w.csv").columns == DOMAINS
