"""`mixatlas replay`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from mixatlas.cli.tables import read_runs, tables_options, warn
from mixatlas.cli.writing import check_place, write_whole
from mixatlas.contract.errors import SpecError
from mixatlas.propose.from_runs import MEAN, metrics_of
from mixatlas.propose.replay import METHODS, Found, Pool, replay
from mixatlas.surrogate.runs import Runs

COUNT = click.IntRange(min=1)


@click.command()
@tables_options
@click.option(
    "--objective",
    required=True,
    metavar="METRIC",
    help=f"What is maximised; `{MEAN}` is the mean of all metrics as they are.",
)
@click.option("--minimize", is_flag=True, help="Smaller is better.")
@click.option("--trials", type=COUNT, default=48, show_default=True, help="Runs tried in all.")
@click.option("--initial", type=COUNT, default=8, show_default=True, help="Random ones of them.")
@click.option("--batch", type=COUNT, default=4, show_default=True)
@click.option("--seeds", type=COUNT, default=10, show_default=True, help="Searches.")
@click.option("--method", type=click.Choice(list(METHODS)), default="Bayesian", show_default=True)
@click.option(
    "--json", "json_file", type=click.Path(path_type=Path), help="Write all searches there."
)
def command(
    ratios: Path,
    metrics: Path,
    objective: str,
    minimize: bool,
    trials: int,
    initial: int,
    batch: int,
    seeds: int,
    method: str,
    json_file: Path | None,
) -> None:
    """Search over a table of finished runs: how soon would the best have been found?

    The tables are those of `mixatlas fit`. Shows after each batch, median over the searches, how
    many runs of the table are better than the best tried, and its regret as a share of the range.
    Equal seeds begin with the same random runs whatever the method.
    """
    check_place(json_file)
    runs = read_runs(ratios, metrics, ())
    pool = _pool(runs, objective, is_minimized=minimize)
    if not initial <= trials <= len(pool.W_kd):
        raise SpecError(
            f"--trials is {trials}, with --initial {initial} and {len(pool.W_kd)} runs",
            hint="--trials lies between --initial and the number of runs that measured the metric.",
        )
    warn(runs)
    if len(pool.W_kd) < len(runs.runs):
        n_left_out = len(runs.runs) - len(pool.W_kd)
        click.echo(f"warning: left out: {n_left_out} runs that lack the objective", err=True)
    searches = [
        replay(pool, METHODS[method], n_trials=trials, n_initial=initial, batch=batch, seed=seed)
        for seed in range(seeds)
    ]
    if json_file is not None:
        text = _json(
            searches,
            method=method,
            objective=objective,
            minimize=minimize,
            runs=len(pool.W_kd),
            initial=initial,
            batch=batch,
        )
        write_whole(json_file, text)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("TRIALS", "MEDIAN RANK", "MEDIAN REGRET"):
        table.add_column(name, justify="right")
    for steps in zip(*searches, strict=True):
        rank = np.median([step.rank for step in steps])
        regret = np.median([step.regret for step in steps])
        table.add_row(str(steps[0].trials), f"{rank:g}", f"{regret:.4f}")
    Console(highlight=False).print(table)


def _pool(runs: Runs, objective: str, *, is_minimized: bool) -> Pool:
    names = metrics_of(runs, objective)
    kept = [runs.metrics.index(name) for name in names]
    Y_km, S_km = runs.Y_nm[:, kept], runs.S_nm[:, kept]
    measured = np.isfinite(Y_km).all(axis=1)
    return Pool(
        domains=runs.domains,
        W_kd=runs.W_nd[measured],
        Y_km=Y_km[measured],
        weight_m=np.full(len(names), (-1.0 if is_minimized else 1.0) / len(names)),
        S_km=S_km[measured],
    )


def _json(searches: Sequence[Sequence[Found]], **asked: str | int | bool) -> str:
    rows = [
        {
            "seed": seed,
            "steps": [
                {"trials": step.trials, "rank": step.rank, "regret": step.regret} for step in steps
            ],
        }
        for seed, steps in enumerate(searches)
    ]
    return json.dumps({**asked, "searches": rows}, indent=2) + "\n"
