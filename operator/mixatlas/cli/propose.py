"""`mixatlas propose`."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import click

from mixatlas.cli.documents import read_text
from mixatlas.cli.tables import read_runs, tables_options, warn
from mixatlas.cli.writing import check_place, write_whole
from mixatlas.contract.mixture import PPM, Mixture
from mixatlas.driver.limits import limited_space
from mixatlas.propose.from_runs import MEAN, NextRuns, propose_from_runs
from mixatlas.space.space import MixtureSpace
from mixatlas.spec.mixtures import SpaceSpec
from mixatlas.spec.table_space import load_table_space


@click.command()
@tables_options
@click.option("--batch", type=click.IntRange(1, 64), default=8, show_default=True)
@click.option(
    "--objective",
    default=MEAN,
    show_default=True,
    metavar="METRIC",
    help=f"What is maximised; `{MEAN}` is the mean of all metrics as they are.",
)
@click.option("--minimize", is_flag=True, help="Smaller is better.")
@click.option(
    "--space",
    type=click.Path(path_type=Path),
    help="YAML: `bounds`, `groups` and `linear` as in `spec.space`, over the table's domains.",
)
@click.option("--seed", type=int, default=0, show_default=True)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Where the mixtures go instead of standard output.",
)
def command(
    ratios: Path,
    metrics: Path,
    batch: int,
    objective: str,
    minimize: bool,
    space: Path | None,
    seed: int,
    out: Path | None,
) -> None:
    """Choose the next mixtures to run after a table of finished runs.

    The tables are those of `mixatlas fit`. Writes CSV, a row a mixture, most promising first; the
    best predicted mixture and its interval go to standard error.
    """
    check_place(out)
    runs = read_runs(ratios, metrics, ())
    limits = _space(space, runs.domains)
    warn(runs)
    found = propose_from_runs(
        runs,
        limits,
        objective=objective,
        is_minimized=minimize,
        q=batch,
        seed=seed,
    )
    text = _table(found.mixtures, runs.domains)
    if out is None:
        click.echo(text, nl=False)
    else:
        write_whole(out, text)
    for line in _best(found, is_minimized=minimize):
        click.echo(line, err=True)


def _space(path: Path | None, domains: Sequence[str]) -> MixtureSpace:
    # Tables tell no tokens: the domains count alike.
    tokens = dict.fromkeys(domains, PPM)
    if path is None:
        return limited_space(SpaceSpec(), tokens)
    text = read_text(path, hint="Give `bounds`, `groups` and `linear` as YAML.")
    limits = load_table_space(text, filename=str(path), domains=domains)
    return limited_space(limits, tokens)


def _table(mixtures: Sequence[Mixture], domains: Sequence[str]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["run", *domains])
    for number, mixture in enumerate(mixtures, start=1):
        part_of = dict(mixture.parts)
        weights = (f"{part_of[name] // PPM}.{part_of[name] % PPM:06d}" for name in domains)
        writer.writerow([f"next-{number}", *weights])
    return text.getvalue()


def _best(found: NextRuns, *, is_minimized: bool) -> list[str]:
    interval = None if found.best is None else found.best.objective
    if found.best is None or interval is None:
        return [f"no prediction: {found.why}"]
    top = sorted(found.best.mixture.parts, key=lambda part: -part[1])
    weights = ", ".join(f"{name} {part / PPM:.3f}" for name, part in top if part)
    bounds = [interval.lower, interval.upper]
    mean = interval.mean
    if is_minimized:
        mean, bounds = -mean, [-interval.upper, -interval.lower]
    return [
        f"best predicted: {weights}",
        f"objective {mean:.6g}, 95 % interval [{bounds[0]:.6g}, {bounds[1]:.6g}]",
    ]
