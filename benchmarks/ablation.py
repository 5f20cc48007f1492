"""What each part is worth: the surrogate, and the search, with one part taken away at a time.

    PYTHONPATH=operator python benchmarks/ablation.py [--quick] [--splits 6] [--seeds 12] [--jobs 2]

The first table is Spearman's correlation on unseen runs as in `spearman.py`, mean over targets,
sizes and splits of every table. The second is the median regret of the mixture with the best
posterior mean after 32 trials, as in `regret.py`. Each line is ours without one part; the figure in
brackets is the mean over columns less the full one's, so a part that pays has a negative one (a
positive one for regret), and the interval is the 95 % t interval over paired splits or searches.
Takes 25 minutes on 2 cores, with --quick (2 splits, 3 seeds) 5.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from unittest.mock import patch

import numpy as np
from data.splits import CHOICES, on_splits
from numpy.typing import NDArray
from regret import a_problem, search
from scipy.stats import t
from spearman import OURS, score

from mixatlas.surrogate import kernel

FloatArray = NDArray[np.float64]
Prior = Callable[..., tuple[FloatArray, FloatArray]]

TABLES = (
    "regmix",
    "olmix",
    "demo",
    "interior-22-2",
    "face-22-2",
    "interior-50-10",
    "face-22-10",
)
PROBLEMS = tuple(
    (d, kind, noise) for d in (10, 22) for kind in ("interior", "face") for noise in (0.02, 0.1)
)
NOTHING = 1e-3
"""Sd of a prior that leaves no choice."""


def pinned(places: slice | int, *, mean: float | Sequence[float]) -> AbstractContextManager[object]:
    """Return a context in which some hyper-parameters are what they are told."""
    usual: Prior = kernel.prior

    def prior(*of: float, **named: float) -> tuple[FloatArray, FloatArray]:
        mean_p, sd_p = usual(*of, **named)
        mean_p[places], sd_p[places] = mean, NOTHING
        return mean_p, sd_p

    return patch("mixatlas.surrogate.fit.prior", prior)


def constant(place: str, value: object) -> AbstractContextManager[object]:
    """Return a context in which a constant, or what a function returns, is another."""
    return patch(f"mixatlas.{place}", value)


SURROGATE: Mapping[str, Callable[[], AbstractContextManager[object]]] = {
    "all parts": ExitStack,
    "no sums over the grid": partial(
        constant, "surrogate.features.Grid.sums_sd", property(lambda self: self.C_cd[:0])
    ),
    "logarithm alone": partial(pinned, kernel.SHARES, mean=(8.0, -8.0)),
    "square root alone": partial(pinned, kernel.SHARES, mean=(-8.0, 8.0)),
    "no linear part": partial(pinned, kernel.LINEAR, mean=-20.0),
    "no smooth part": partial(pinned, kernel.SMOOTH, mean=-20.0),
    "equal relevances": partial(pinned, kernel.RELEVANCES, mean=0.0),
    "free relevances": partial(constant, "surrogate.calibration.EVEN", kernel.FREE),
    "no powers": partial(constant, "surrogate.power.POWERS_L", np.ones(1)),
    "no margin": partial(constant, "surrogate.features.MARGIN", 1e9),
    "no least spread": partial(constant, "surrogate.features.LEAST_SPREAD", 0.0),
}
SEARCH: Mapping[str, Callable[[], AbstractContextManager[object]]] = {
    "all parts": ExitStack,
    "no spreading": partial(constant, "propose.acquisition.TURNS", ("explore", "test")),
    "bound alone": partial(constant, "propose.acquisition.TURNS", ("explore",)),
    "mean alone": partial(constant, "propose.acquisition.TURNS", ("test",)),
    "no reach": partial(constant, "propose.acquisition.REACH", np.inf),
    "no widening": partial(constant, "surrogate.learning.WIDEST", 1.0),
    "equal relevances": partial(pinned, kernel.RELEVANCES, mean=0.0),
    "no powers": partial(constant, "surrogate.power.POWERS_L", np.ones(1)),
}


def ranks(name: str, size: int, seed: int) -> list[float]:
    """Return the mean correlation on one split of a table, without each part."""
    table = CHOICES[name]()
    split = table.split(size, seed)
    found = []
    for without in SURROGATE.values():
        with without():
            found.append(float(score(table, split, OURS).mean()))
    return found


def regrets(problem: tuple[int, str, float], seed: int) -> list[float]:
    """Return the regret of one search, without each part."""
    found = []
    for without in SEARCH.values():
        with without():
            found.append(search(a_problem(*problem, seed), "Bayesian", seed=seed))
    return found


def show(
    names: Sequence[str], columns: Mapping[str, FloatArray], middle: Callable[..., FloatArray]
) -> None:
    """Print a table: lines are what was taken away, columns are tables or problems.

    Args:
        names: Of the lines.
        columns: By name, a row a split or search and a column a line.
        middle: What of a column is printed.
    """
    print(f"{'without':<24}" + "".join(f"{name:>18}" for name in columns) + "   less all parts")
    for i, name in enumerate(names):
        figures = "".join(f"{middle(found[:, i]):>18.3f}" for found in columns.values())
        paired = np.concatenate([found[:, i] - found[:, 0] for found in columns.values()])
        half = t.ppf(0.975, len(paired) - 1) * paired.std(ddof=1) / np.sqrt(len(paired))
        print(f"{name:<24}{figures}   {paired.mean():+.4f} ± {half:.4f}", flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="2 splits, 3 seeds")
    parser.add_argument("--splits", type=int, default=6)
    parser.add_argument("--seeds", type=int, default=12)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args(arguments)
    begun = time.perf_counter()
    n_splits, n_seeds = (2, 3) if options.quick else (options.splits, options.seeds)
    tables: dict[str, list[FloatArray]] = {}
    for name, _, found in on_splits(TABLES, ranks, n_splits=n_splits, jobs=options.jobs):
        tables.setdefault(name, []).append(np.array(found))
    show(list(SURROGATE), {k: np.concatenate(v) for k, v in tables.items()}, np.mean)
    problems: dict[str, FloatArray] = {}
    with ProcessPoolExecutor(options.jobs) as pool:
        for problem in PROBLEMS:
            found = list(pool.map(partial(regrets, problem), range(n_seeds)))
            problems[f"{problem[0]} {problem[1]} {problem[2]:g}"] = np.array(found)
    show(list(SEARCH), problems, np.median)
    print(f"{time.perf_counter() - begun:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
