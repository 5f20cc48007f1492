"""`mixatlas attribution`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from mixatlas.cli.tables import metric_option, read_runs, tables_options, warn
from mixatlas.cli.writing import check_place, write_whole
from mixatlas.report.effects_page import Effect, effects_csv, render_effects
from mixatlas.surrogate.runs import Runs
from mixatlas.surrogate.table import learn_table

STEP = 0.1
HALF_95 = 1.959964


@click.command()
@tables_options
@metric_option
@click.option("--csv", "csv_file", type=click.Path(path_type=Path), help="Write all effects there.")
@click.option("--html", type=click.Path(path_type=Path), help="Write a heat map there.")
def command(
    ratios: Path,
    metrics: Path,
    benchmarks: tuple[str, ...],
    csv_file: Path | None,
    html: Path | None,
) -> None:
    """Show which domain moves which metric, with 95 % intervals.

    The tables are those of `mixatlas fit`. An effect is what a metric changes by when a tenth of
    the runs' mean mixture goes to one domain, the others giving way in proportion.
    """
    check_place(csv_file)
    check_place(html)
    runs = read_runs(ratios, metrics, benchmarks)
    warn(runs)
    effects = list(_effects(runs))
    if csv_file is not None:
        write_whole(csv_file, effects_csv(effects))
    if html is not None:
        write_whole(html, render_effects(effects, step=STEP, n_runs=len(runs.runs)).decode())
    console = Console(highlight=False, width=None if Console().is_terminal else 80)
    for metric in runs.metrics:
        console.print(_table(metric, [effect for effect in effects if effect.metric == metric]))


def _effects(runs: Runs) -> Iterator[Effect]:
    posterior = learn_table(runs.domains, runs.W_nd, runs.Y_nm, runs.S_nm).checked()
    mean_dm, sd_dm = posterior.effects(runs.W_nd.mean(axis=0), step=STEP)
    for domain, mean_m, sd_m in zip(runs.domains, mean_dm, sd_dm, strict=True):
        for metric, mean, sd in zip(runs.metrics, mean_m, sd_m, strict=True):
            half = HALF_95 * float(sd)
            yield Effect(
                domain=domain,
                metric=metric,
                mean=float(mean),
                lower=float(mean) - half,
                upper=float(mean) + half,
            )


def _table(metric: str, effects: list[Effect]) -> Table:
    """Largest effects first; a star where the interval leaves zero out."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(metric, overflow="fold")
    for name in ("EFFECT", "LOWER", "UPPER", ""):
        table.add_column(name, justify="right", no_wrap=True)
    for effect in sorted(effects, key=lambda effect: -abs(effect.mean)):
        figures = (f"{value:+.4g}" for value in (effect.mean, effect.lower, effect.upper))
        table.add_row(effect.domain, *figures, "*" if effect.is_clear else "")
    return table
