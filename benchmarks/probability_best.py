"""When a nomination says that an arm is the best with 30 %, is it in 30 of 100 searches?

    PYTHONPATH=operator python benchmarks/probability_best.py [--quick] [--searches 200] [--jobs 2]

Searches are those of `regret.py`: 10 and 22 domains, optima inside and on faces, noise of 2 and
10 % of the range, 32 trials. Each nominates 3 candidates beside natural and uniform, and says of
every arm how likely it is the best and between which bounds its objective lies with 95 %. A line is
a bin of that probability: how many arms fell into it, their mean probability, and the share that
really was the best of its search. The Brier score is the mean squared difference, smaller is
better; that of 1/5 for every arm is .16. Exits 1 where more than one bin is off by more than two
binomial standard errors. Takes 10 minutes on 2 cores, with --quick (32 searches) 2.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor

import numpy as np
from numpy.typing import NDArray
from regret import KINDS, NOISES, a_problem, train

from mixatlas.propose.nominate import nominate

FloatArray = NDArray[np.float64]

SETTINGS = tuple((d, kind, noise) for d in (10, 22) for kind in KINDS for noise in NOISES)
N_CANDIDATES = 3
BINS = np.linspace(0.0, 1.0, 11)


def nominated(job: tuple[int, str, float, int]) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Run a search. Returns of each arm: its probability, whether it is best, whether it is held.

    Held is an arm whose true objective lies within its bounds.
    """
    *setting, seed = job
    problem = a_problem(*setting, seed)
    history, settings, baselines = train(problem, "Bayesian", seed=seed)
    arms = nominate(
        problem.space, history, n=N_CANDIDATES, arms=baselines, seed=seed, settings=settings
    ).arms
    true_a = problem.objective(np.array([arm.mixture.fractions for arm in arms]))
    bounds = [arm.objective for arm in arms]
    held = [
        b is not None and b.lower <= true <= b.upper for b, true in zip(bounds, true_a, strict=True)
    ]
    probability_a = np.array([arm.probability_best for arm in arms], dtype=np.float64)
    return probability_a, np.arange(len(arms)) == true_a.argmax(), np.array(held)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the bins; exit 1 where probabilities are not what they say."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="32 searches")
    parser.add_argument("--searches", type=int, default=200)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args(arguments)
    begun = time.perf_counter()
    n = 32 if options.quick else options.searches
    jobs = [(*SETTINGS[i % len(SETTINGS)], i // len(SETTINGS)) for i in range(n)]
    with ProcessPoolExecutor(options.jobs) as pool:
        found = list(pool.map(nominated, jobs))
    said, was_best, was_held = (np.concatenate(parts) for parts in zip(*found, strict=True))
    print("probability   arms   said   were best   2 se")
    n_off = 0
    place = np.minimum(np.digitize(said, BINS) - 1, len(BINS) - 2)
    for b in np.unique(place):
        p, best = said[place == b].mean(), was_best[place == b].mean()
        two_se = 2 * np.sqrt(p * (1 - p) / (place == b).sum())
        is_off = abs(p - best) > two_se
        n_off += is_off
        line = f"{BINS[b]:.1f} to {BINS[b + 1]:.1f}   {(place == b).sum():>5}  {p:>5.3f}   "
        print(line + f"{best:>9.3f}  {two_se:.3f}" + ("   <- off" if is_off else ""))
    print(f"Brier score {((said - was_best) ** 2).mean():.4f}")
    print(f"95 % bounds held {100 * was_held.mean():.1f} % of {len(said)} arms")
    print(f"{n} searches, {time.perf_counter() - begun:.0f} s")
    return int(n_off > 1)


if __name__ == "__main__":
    sys.exit(main())
