"""Searches over tables of finished runs: how soon ours finds the best, and how soon every peer.

    PYTHONPATH=operator python benchmarks/replay.py [--quick] [--seeds 20] [--jobs 2]
    PYTHONPATH=operator python benchmarks/replay.py --tables demo olmix --methods ours gp-log

All methods begin with the same 8 random runs of a seed and ask for 4 at a time, in one process.
Figures are the median number of runs of the table that are better than the best tried, and the
area: what the best tried lacks to the table's best, as a share of the range, mean over 12 to 48
trials and over seeds. The last columns are our area over the peer's, with the 95 % interval of a
bootstrap over the seeds. Exits 1 where an interval reaches 1. Of methods that only --methods runs,
`ours-one` is ours with one process of the whole objective. Takes 20 minutes on 2 idle cores for
RegMix's table, with --quick (4 seeds) 4; nearly all of it is BoTorch's.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from data.tables import TABLES
from numpy.typing import NDArray
from peers.choosers import CHOOSERS

from mixatlas.propose.replay import METHODS, Chooser, Found, Pool, replay

FloatArray = NDArray[np.float64]

OURS, ONE = "ours", "ours-one"


def one_process(pool: Pool, tried: Sequence[int], q: int, *, seed: int) -> Sequence[int]:
    """Search as ours does, with one process of the objective in place of one a metric."""
    whole = replace(pool, Y_km=pool.objective_k[:, None], weight_m=np.ones(1))
    return METHODS["Bayesian"](whole, tried, q, seed=seed)


SEARCHERS: dict[str, Chooser] = {
    OURS: METHODS["Bayesian"],
    ONE: one_process,
    "sobol": METHODS["Sobol"],
    "random": METHODS["Random"],
    **CHOOSERS,
}
DEFAULT = [name for name in SEARCHERS if name != ONE]
TARGETS: Mapping[str, tuple[str, ...]] = {
    "regmix": ("pile_cc", "mean"),
    "olmix": ("mean",),
    "demo": ("objective",),
}
N_INITIAL, BATCH, N_TRIALS = 8, 4, 48
SHOWN = (12, 16, 20, 24, 32, 48)
N_RESAMPLES = 10_000
TINY = 1e-12

Search = tuple[Found, ...]


@dataclass(frozen=True, kw_only=True)
class Line:
    """Searches for one target of one table, by method, each seed's in its place."""

    table: str
    target: str
    searches: Mapping[str, Sequence[Search]]

    def areas(self, method: str) -> FloatArray:
        """Return the area under each seed's curve."""
        return np.array([area(search) for search in self.searches[method]])

    def median_rank(self, method: str, trials: int) -> float:
        """Return the median rank of the best found after some trials."""
        step = (trials - N_INITIAL) // BATCH
        return float(np.median([search[step].rank for search in self.searches[method]]))


def area(search: Search) -> float:
    """Return the mean regret from the first batch to the last trial."""
    steps = search[1:]
    trials = [step.trials for step in steps]
    return float(np.trapezoid([step.regret for step in steps], trials) / (trials[-1] - trials[0]))


def pool_of(table: str, target: str) -> Pool:
    """Return a table's runs with what they are searched for; larger is better."""
    runs = TABLES[table]()
    (weight_m,) = (t.weight_m for t in runs.targets if t.name == target)
    used_m = weight_m != 0
    return Pool(
        domains=runs.domains, W_kd=runs.W_nd, Y_km=runs.Y_nm[:, used_m], weight_m=-weight_m[used_m]
    )


def search_all(table: str, target: str, seed: int, methods: Sequence[str]) -> dict[str, Search]:
    """Search once with every method."""
    pool = pool_of(table, target)
    return {
        method: replay(
            pool,
            SEARCHERS[method],
            n_trials=N_TRIALS,
            n_initial=N_INITIAL,
            batch=BATCH,
            seed=seed,
        )
        for method in methods
    }


def measure(
    tables: Sequence[str], methods: Sequence[str], *, n_seeds: int, jobs: int
) -> Iterator[Line]:
    """Yield the lines of all targets as they are done."""
    with ProcessPoolExecutor(jobs) as pool:
        waiting = []
        for table in tables:
            for target in TARGETS[table]:
                jobs_s = [
                    pool.submit(search_all, table, target, s, methods) for s in range(n_seeds)
                ]
                waiting.append((table, target, jobs_s))
        for table, target, jobs_s in waiting:
            found = [job.result() for job in jobs_s]
            searches = {method: [of[method] for of in found] for method in methods}
            yield Line(table=table, target=target, searches=searches)


def ratio(ours_s: FloatArray, theirs_s: FloatArray) -> tuple[float, float, float]:
    """Return the ratio of two sums over the same seeds, with its 95 % bootstrap interval."""
    rows = np.random.default_rng(0).integers(len(ours_s), size=(N_RESAMPLES, len(ours_s)))
    # Where both lack nothing they are even.
    resampled = (ours_s[rows].sum(axis=1) + TINY) / (theirs_s[rows].sum(axis=1) + TINY)
    low, high = np.percentile(resampled, [2.5, 97.5])
    return float(ours_s.sum() / theirs_s.sum()), float(low), float(high)


def report(line: Line) -> list[dict[str, object]]:
    """Print a line's table and return its rows."""
    print(f"\n{line.table}: {line.target}")
    print(f"{'rank at':<10}" + "".join(f"{t:>6}" for t in SHOWN) + "    area  ours / this")
    rows: list[dict[str, object]] = []
    for method in line.searches:
        ranks = [line.median_rank(method, trials) for trials in SHOWN]
        areas = line.areas(method)
        row: dict[str, object] = {
            "table": line.table,
            "target": line.target,
            "method": method,
            "median_rank": dict(zip(SHOWN, ranks, strict=True)),
            "areas": areas.tolist(),
        }
        text = f"{method:<10}" + "".join(f"{rank:>6g}" for rank in ranks) + f"  {areas.mean():.4f}"
        if method != OURS and OURS in line.searches:
            value, low, high = ratio(line.areas(OURS), areas)
            row |= {"ratio": value, "interval": [low, high], "is_behind": high < 1}
            mark = "" if high < 1 else "  <- not clearly behind"
            text += f"   {value:.2f} [{low:.2f}, {high:.2f}]{mark}"
        rows.append(row)
        print(text, flush=True)
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables; exit 1 where a peer is not clearly behind."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="4 seeds")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--tables", nargs="+", choices=TARGETS, default=["regmix"])
    parser.add_argument("--methods", nargs="+", choices=SEARCHERS, default=DEFAULT)
    parser.add_argument("--json", type=Path, default=None)
    options = parser.parse_args(arguments)
    begun = time.perf_counter()
    n_seeds = 4 if options.quick else options.seeds
    rows: list[dict[str, object]] = []
    for line in measure(options.tables, options.methods, n_seeds=n_seeds, jobs=options.jobs):
        rows += report(line)
    print(f"{time.perf_counter() - begun:.0f} s")
    if options.json:
        options.json.write_text(json.dumps(rows) + "\n")
    return int(not all(row.get("is_behind", True) for row in rows))


if __name__ == "__main__":
    sys.exit(main())
