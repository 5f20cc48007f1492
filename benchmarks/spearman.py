"""How well runs that nobody saw are ranked: ours against every peer, on tables of runs.

    PYTHONPATH=operator python benchmarks/spearman.py [--quick] [--splits 10] [--jobs 2]
    PYTHONPATH=operator python benchmarks/spearman.py --tables demo --methods ours ridge-sqrt

All methods see the same rows of the same splits in one process, and nothing is kept between runs.
A figure is Spearman's correlation of predicted and measured values over the unseen runs, mean over
targets and splits; a constant prediction counts 0. `single` are metrics one by one, `mean` is their
mean or objective, predicted from its parts where a table has them all. The last columns are ours
less the best peer of that line, with the 95 % t interval over the paired splits. Synthetic tables
are named after where the optimum lies, domains, and noise in percent of the range. Takes 30 minutes
on 2 cores, with --quick (2 splits) 6; nearly all of it is BoTorch's.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from data.splits import CHOICES, on_splits
from data.tables import TABLES, Split, Table
from numpy.typing import NDArray
from peers.regression import PEERS, Peer
from scipy.stats import spearmanr, t

from mixatlas.surrogate.table import learn_table

FloatArray = NDArray[np.float64]

OURS = "ours"
DEFAULT = [*TABLES, "face-22-10"]


@dataclass(frozen=True, kw_only=True)
class Line:
    """Spearman of all methods in one setting: split × target, the last target is the mean."""

    table: str
    size: int
    scores: Mapping[str, FloatArray]

    def groups(self) -> Iterator[tuple[str, dict[str, FloatArray]]]:
        """Yield per-split scores of the single metrics, then of their mean."""
        yield "single", {name: values[:, :-1].mean(axis=1) for name, values in self.scores.items()}
        yield "mean", {name: values[:, -1] for name, values in self.scores.items()}


def predictor(method: str, table: Table) -> Peer:
    """Return what predicts metrics under a method's name."""
    if method != OURS:
        return PEERS[method]

    def ours(W_nd: FloatArray, Y_nm: FloatArray, V_qd: FloatArray) -> FloatArray:
        return learn_table(table.domains, W_nd, Y_nm).checked().predict(V_qd)[0]

    return ours


def score(table: Table, split: Split, method: str) -> FloatArray:
    """Return Spearman's correlation on each target of a table."""
    predict = predictor(method, table)
    P_qm = predict(table.W_nd[split.seen], table.Y_nm[split.seen], table.W_nd[split.unseen])
    T_qm = table.Y_nm[split.unseen]
    found = [
        spearmanr(P_qm @ target.weight_m, T_qm @ target.weight_m).statistic
        for target in table.targets
    ]
    return np.nan_to_num(np.array(found))


def score_split(name: str, size: int, seed: int, methods: Sequence[str]) -> dict[str, FloatArray]:
    """Score all methods on one split of one table."""
    table = CHOICES[name]()
    split = table.split(size, seed)
    return {method: score(table, split, method) for method in methods}


def measure(
    names: Sequence[str], methods: Sequence[str], *, n_splits: int, jobs: int
) -> Iterator[Line]:
    """Yield the lines of all tables and sizes as they are done."""
    score = partial(score_split, methods=tuple(methods))
    for name, size, results in on_splits(names, score, n_splits=n_splits, jobs=jobs):
        scores = {m: np.array([result[m] for result in results]) for m in methods}
        yield Line(table=name, size=size, scores=scores)


def interval(difference_s: FloatArray) -> tuple[float, float, float]:
    """Return the mean of paired differences and its 95 % t interval; infinite for one split."""
    n, mean = len(difference_s), float(difference_s.mean())
    if n < 2:
        return mean, -np.inf, np.inf
    half = float(t.ppf(0.975, n - 1) * difference_s.std(ddof=1) / np.sqrt(n))
    return mean, mean - half, mean + half


def _print_line(line: Line, methods: Sequence[str]) -> None:
    for group, scores in line.groups():
        means = {method: float(values.mean()) for method, values in scores.items()}
        figures = "  ".join(f"{means[m]:>10.3f}" for m in methods)
        text = f"{line.table:<14}{line.size:>4}  {group:<7} {figures}"
        peers = [method for method in methods if method != OURS]
        if OURS in methods and peers:
            best = max(peers, key=means.__getitem__)
            mean, low, high = interval(scores[OURS] - scores[best])
            text += f"   {mean:+.3f} [{low:+.3f}, {high:+.3f}] {best}"
        print(text, flush=True)


def _print_tables(lines: Sequence[Line], methods: Sequence[str]) -> None:
    """Print the mean over sizes and groups of each table, and the mean over tables."""
    by_table: dict[str, list[dict[str, float]]] = {}
    for line in lines:
        rows = [{m: float(v.mean()) for m, v in scores.items()} for _, scores in line.groups()]
        by_table.setdefault(line.table, []).extend(rows)
    means = {
        name: [float(np.mean([row[m] for row in rows])) for m in methods]
        for name, rows in by_table.items()
    }
    means["all"] = list(np.mean(list(means.values()), axis=0))
    for name, values in means.items():
        print(f"{name:<14}mean          " + "  ".join(f"{value:>10.3f}" for value in values))


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; write all correlations as JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="2 splits")
    parser.add_argument("--splits", type=int, default=10, help="the demo has at most 17")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--tables", nargs="+", choices=CHOICES, default=DEFAULT)
    parser.add_argument("--methods", nargs="+", choices=(OURS, *PEERS), default=[OURS, *PEERS])
    parser.add_argument("--json", type=Path, default=None)
    options = parser.parse_args(arguments)
    begun = time.perf_counter()
    print(f"{'table':<14}seen  targets " + "  ".join(f"{m:>10}" for m in options.methods))
    lines = []
    n_splits = 2 if options.quick else options.splits
    for line in measure(options.tables, options.methods, n_splits=n_splits, jobs=options.jobs):
        lines.append(line)
        _print_line(line, options.methods)
    _print_tables(lines, options.methods)
    print(f"{time.perf_counter() - begun:.0f} s")
    if options.json:
        rows = [
            {"table": line.table, "size": line.size}
            | {method: values.tolist() for method, values in line.scores.items()}
            for line in lines
        ]
        options.json.write_text(json.dumps(rows) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
