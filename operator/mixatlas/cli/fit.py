"""`mixatlas fit`."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from mixatlas.cli.tables import metric_option, read_ratios_file, read_runs, tables_options
from mixatlas.cli.writing import check_place, write_or_print
from mixatlas.contract.errors import SpecError
from mixatlas.space.grid import Grid
from mixatlas.surrogate.quality import Quality, qualities, warnings
from mixatlas.surrogate.runs import NamedRows, Runs
from mixatlas.surrogate.table import TablePosterior, learn_table


@click.command()
@tables_options
@metric_option
@click.option(
    "--predict",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Weights of mixtures to predict, as --ratios.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where predictions go instead of standard output.",
)
@click.option("--seed", type=int, default=0, help="Accepted for scripts: the fit draws nothing.")
def command(
    ratios: Path,
    metrics: Path,
    benchmarks: tuple[str, ...],
    predict: Path | None,
    out: Path | None,
    seed: int,
) -> None:
    """Learn metrics from finished runs, and predict those of new mixtures.

    Both tables are CSV with a column `run`; `name`, `index` and unnamed columns are skipped. Each
    other column of the ratios is a domain, each other of the metrics a metric, taken as it is. A
    column METRIC.sem is no metric: it holds the standard errors of METRIC, empty where not known.
    The larger that of a run, the less the run counts; noise beyond them is learnt.

    Prints how well each run is predicted from the others. With --predict the output has, for each
    metric, mean and standard deviation of a new measurement, with the median standard error.
    """
    del seed
    if out is not None and predict is None:
        raise SpecError("--out is given without --predict", hint="Name the mixtures to predict.")
    check_place(out)
    runs = read_runs(ratios, metrics, benchmarks)
    asked = None if predict is None else _same_domains(read_ratios_file(predict), runs, predict)
    posterior = learn_table(runs.domains, runs.W_nd, runs.Y_nm, runs.S_nm).checked()
    # Predictions alone go to standard output, so that they can be piped.
    _report(runs, posterior, Console(highlight=False, stderr=asked is not None and out is None))
    if asked is not None:
        write_or_print(out, _predictions(asked, runs, posterior))


def _same_domains(asked: NamedRows, runs: Runs, path: Path) -> NamedRows:
    """Return the mixtures in the order of the runs' domains."""
    missing = [name for name in runs.domains if name not in asked.columns]
    extra = [name for name in asked.columns if name not in runs.domains]
    if missing or extra:
        name = (missing or extra)[0]
        raise SpecError(
            f"the domain {name} is {'missing' if missing else 'not among those of the runs'}",
            hint=f"The mixtures need the domains of the runs: {', '.join(runs.domains)}.",
            where=f"{path}:1",
        )
    order = [asked.columns.index(name) for name in runs.domains]
    return NamedRows(runs=asked.runs, columns=runs.domains, values=asked.values[:, order])


def _report(runs: Runs, posterior: TablePosterior, console: Console) -> None:
    grid = Grid.of(runs.domains)
    console.print(f"{len(runs.runs)} runs, {len(runs.domains)} domains, {_grid_text(grid)}")
    found = qualities(runs, posterior)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("METRIC", overflow="fold")
    for name in ("RUNS", "SPEARMAN", "R2", "RMSE", "IN 95 %", "NOISE SD"):
        table.add_column(name, justify="right", no_wrap=True)
    for quality in found:
        table.add_row(*_cells(quality))
    console.print(table)
    console.print("Each run is predicted from the others. Noise is of one measurement.")
    for line in warnings(runs, found):
        console.print(f"warning: {line}")


def _grid_text(grid: Grid) -> str:
    if not len(grid.sums_sd):
        return "no grid in their names"
    return f"a grid of {len(grid.concepts)} × {len(grid.tasks)} in their names"


def _cells(quality: Quality) -> tuple[str, ...]:
    return (
        quality.metric,
        str(quality.n),
        _figure(quality.spearman, ".3f"),
        _figure(quality.r2, ".3f"),
        _figure(quality.rmse, ".4g"),
        _figure(100 * quality.coverage, ".0f"),
        _figure(quality.noise_sd, ".4g"),
    )


def _figure(value: float, form: str) -> str:
    return "-" if np.isnan(value) else format(value, form)


def _predictions(asked: NamedRows, runs: Runs, posterior: TablePosterior) -> str:
    mean_qm, sd_qm = posterior.predict(asked.values)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        ["run", *(f"{name}.{what}" for name in runs.metrics for what in ("mean", "sd"))]
    )
    for run, mean_m, sd_m in zip(asked.runs, mean_qm, sd_qm, strict=True):
        pairs = zip(mean_m, sd_m, strict=True)
        writer.writerow([run, *(f"{value:.9g}" for pair in pairs for value in pair)])
    return text.getvalue()
