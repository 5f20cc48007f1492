"""`mixatlas propose`."""

from __future__ import annotations

import csv
import io
import warnings
from collections.abc import Sequence
from pathlib import Path

import click

from mixatlas.cli.documents import read_text
from mixatlas.cli.tables import read_runs, tables_options, warn
from mixatlas.cli.writing import check_place, write_or_print
from mixatlas.contract.errors import SpecError
from mixatlas.contract.mixture import PPM, Mixture
from mixatlas.driver.limits import limited_space
from mixatlas.propose.from_runs import MEAN, Goal, NextRuns, propose_from_runs
from mixatlas.report.tables import near_optimal_sentence
from mixatlas.space.space import MixtureSpace
from mixatlas.spec.mixtures import SpaceSpec
from mixatlas.spec.table_space import load_table_space
from mixatlas.surrogate.runs import Runs

EVERY = ""
"""What `--minimize` without a name stands for: no metric has an empty name."""


@click.command()
@tables_options
@click.option("--batch", type=click.IntRange(1, 64), default=8, show_default=True)
@click.option(
    "--objective",
    "objectives",
    multiple=True,
    default=(MEAN,),
    show_default=True,
    metavar="METRIC",
    help=f"What is maximised; `{MEAN}` is the mean of all metrics as they are. Given several "
    "times, up to four: mixtures that extend the Pareto front.",
)
@click.option(
    "--minimize",
    "minimized",
    multiple=True,
    is_flag=False,
    flag_value=EVERY,
    metavar="[METRIC]",
    help="Smaller is better: in every objective, or in the one that is named; may be repeated.",
)
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
    objectives: tuple[str, ...],
    minimized: tuple[str, ...],
    space: Path | None,
    seed: int,
    out: Path | None,
) -> None:
    """Choose the next mixtures to run after a table of finished runs.

    The tables are those of `mixatlas fit`. Writes CSV, a row a mixture; what each is for, the best
    predicted mixture and its interval go to standard error. With several objectives that is the
    Pareto front of the finished runs instead, with its hypervolume.
    """
    check_place(out)
    goals = _goals(objectives, minimized)
    runs = read_runs(ratios, metrics, ())
    limits = _space(space, runs.domains)
    warn(runs)
    if len(goals) == 1:
        found = propose_from_runs(runs, limits, goals[0], q=batch, seed=seed)
        mixtures = found.mixtures
        lines = [*_purposes(found), *_best(found, is_minimized=goals[0].is_minimized)]
    else:
        mixtures, lines = _extending(runs, limits, goals, q=batch, seed=seed)
    write_or_print(out, _table(mixtures, runs.domains))
    for line in lines:
        click.echo(line, err=True)


def _goals(objectives: Sequence[str], minimized: Sequence[str]) -> tuple[Goal, ...]:
    names = tuple(dict.fromkeys(objectives))
    for name in minimized:
        if name not in (EVERY, *names):
            raise SpecError(
                f"--minimize: {name!r} is no objective",
                hint=f"Objectives are {', '.join(names)}; without a name all are minimised.",
            )
    return tuple(
        Goal(name=name, is_minimized=EVERY in minimized or name in minimized) for name in names
    )


def _extending(
    runs: Runs, limits: MixtureSpace, goals: Sequence[Goal], *, q: int, seed: int
) -> tuple[tuple[Mixture, ...], list[str]]:
    """Return mixtures that extend the Pareto front, and lines about the front."""
    with warnings.catch_warnings():
        # torch warns of what gpytorch uses when it is loaded.
        warnings.simplefilter("ignore", FutureWarning)
        from mixatlas.propose.front import propose_for_front  # loads BoTorch
    found = propose_for_front(runs, limits, goals, q=q, seed=seed)

    def named(values: Sequence[float]) -> str:
        pairs = zip(goals, values, strict=True)
        return ", ".join(f"{goal.name} {value:.6g}" for goal, value in pairs)

    front = found.front
    lines = [f"Pareto front: {len(front.runs)} of {front.n_compared} runs"]
    if left_out := len(runs.runs) - front.n_compared:
        lines[0] += f" ({left_out} outside the limits or without a value of each objective)"
    pairs = zip(front.runs, front.values_kj.tolist(), strict=True)
    lines += [f"  {run}: {named(values)}" for run, values in pairs]
    reference = named(front.reference_j.tolist())
    lines.append(f"hypervolume {front.hypervolume:.6g} from the reference point {reference}")
    return found.mixtures, [*lines, f"chosen: {found.why}"]


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
        writer.writerow([_name(number), *weights])
    return text.getvalue()


def _name(number: int) -> str:
    return f"next-{number}"


def _purposes(found: NextRuns) -> list[str]:
    names: dict[str, list[str]] = {}
    for number, why in enumerate(found.whys, start=1):
        names.setdefault(why, []).append(_name(number))
    return [f"{', '.join(named)}: {why}" for why, named in names.items()]


def _best(found: NextRuns, *, is_minimized: bool) -> list[str]:
    interval = None if found.best is None else found.best.objective
    near = found.near
    if found.best is None or interval is None or near is None:
        return ["no prediction"]
    top = sorted(found.best.mixture.parts, key=lambda part: -part[1])
    weights = ", ".join(f"{name} {part / PPM:.3f}" for name, part in top if part)
    bounds = [interval.lower, interval.upper]
    mean = interval.mean
    if is_minimized:
        mean, bounds = -mean, [-interval.upper, -interval.lower]
    return [
        f"best predicted: {weights}",
        f"objective {mean:.6g}, 95 % interval [{bounds[0]:.6g}, {bounds[1]:.6g}]",
        near_optimal_sentence(near),
    ]
