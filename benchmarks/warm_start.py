"""How much runs of a smaller model help to rank those of a larger one, while those are few.

    PYTHONPATH=operator python benchmarks/warm_start.py [--quick] [--splits 10] [--jobs 2]

The evidence are 256 runs of RegMix at 1M parameters, the targets its runs at 60M and 1B. Of those
4, 8 and 16 are seen and all others ranked. A figure is Spearman's correlation of predicted and
measured losses over the unseen runs, mean over splits: `single` over the 13 losses, `mean` of their
mean. `shuffled` is evidence whose runs have changed their mixtures: what a source of no use costs.
`flipped` is evidence that measures the negative. Below its bar is evidence that gains less than .3
at 4 seen runs, .03 at 8 or nothing at 16, and shuffled evidence that costs more than .08, .03 or
.01. Takes 3 minutes on one core.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import numpy as np
from data.tables import Runs, regmix_runs
from numpy.typing import NDArray
from scipy.stats import spearmanr

from mixatlas.contract.metrics import Metric
from mixatlas.contract.mixture import Mixture
from mixatlas.ledger.evidence import MOST_RUNS, Source
from mixatlas.ledger.history import History
from mixatlas.ledger.records import ObjectiveRecord
from mixatlas.surrogate.learning import learn

FloatArray = NDArray[np.float64]

TARGETS = ("60m", "1B")
SIZES = (4, 8, 16)
KINDS = ("none", "evidence", "shuffled", "flipped")
LEAST_GAIN = {4: 0.3, 8: 0.03, 16: 0.0}
MOST_COST = {4: 0.08, 8: 0.03, 16: 0.01}


def evidence_of(kind: str, ours: Sequence[str], seed: int) -> tuple[Source, ...]:
    """Return the runs at 1M parameters, as they are or spoilt."""
    if kind == "none":
        return ()
    runs = regmix_runs("1m")
    Y_nm = (-runs.Y_nm if kind == "flipped" else runs.Y_nm)[:MOST_RUNS]
    if kind == "shuffled":
        Y_nm = Y_nm[np.random.default_rng([seed, 41]).permutation(len(Y_nm))]
    shares = [[float(name == domain) for domain in runs.domains] for name in ours]
    source = Source(
        field="spec.search.warmStart.0",
        origin=("regmix",),
        sha256=(),
        domains=runs.domains,
        weights=tuple(map(tuple, runs.W_nd[:MOST_RUNS].tolist())),
        metrics=runs.metrics,
        scores=tuple(map(tuple, Y_nm.tolist())),
        ours=tuple(ours),
        shares=tuple(map(tuple, shares)),
        n_found=len(Y_nm),
    )
    return (source,)


def history_of(runs: Runs, rows: NDArray[np.int64], kind: str, seed: int) -> History:
    """Return some runs as a search's trials: scores are negated losses."""
    order = np.argsort(runs.domains)
    domains = tuple(runs.domains[d] for d in order)
    W_nd = runs.W_nd[rows][:, order]
    return History(
        domains=domains,
        benchmarks=runs.metrics,
        trials=tuple(range(1, len(rows) + 1)),
        mixtures=tuple(Mixture.nearest(dict(zip(domains, w, strict=True))) for w in W_nd.tolist()),
        W_nd=W_nd,
        Y_nm=-runs.Y_nm[rows],
        V_nm=np.zeros((len(rows), len(runs.metrics))),
        diverged_n=np.zeros(len(rows), dtype=bool),
        evidence=evidence_of(kind, domains, seed),
    )


def objective_of(metrics: Sequence[str]) -> ObjectiveRecord:
    """Return the sum of all losses as an objective."""
    return ObjectiveRecord(
        scale="Raw",
        reference="natural",
        metrics=dict.fromkeys(metrics, Metric.TOKEN_NLL),
        weights=dict.fromkeys(metrics, 1.0),
        chance=dict.fromkeys(metrics, 10.0),
        means=dict.fromkeys(metrics, 0.0),
        seed_sd=dict.fromkeys(metrics, 0.0),
        degrees_of_freedom=1.0,
    )


def score(target: str, size: int, kind: str, seed: int) -> tuple[float, float]:
    """Return Spearman's correlation on unseen runs: mean over losses, and of their mean."""
    runs = regmix_runs(target)
    rows = np.random.default_rng([seed, 11]).permutation(len(runs.W_nd))
    history = history_of(runs, rows[:size], kind, seed)
    learned = learn(history, objective_of(runs.metrics), is_noise_known=False)
    W_qd = runs.W_nd[rows[size:]][:, np.argsort(runs.domains)]
    mean_qm, _ = learned.posterior.scores(W_qd)
    seen_qm = -runs.Y_nm[rows[size:]]
    single = [spearmanr(p, s).statistic for p, s in zip(mean_qm.T, seen_qm.T, strict=True)]
    whole = spearmanr(mean_qm.mean(axis=1), seen_qm.mean(axis=1)).statistic
    return float(np.nan_to_num(single).mean()), float(np.nan_to_num(whole))


def shortfalls(means: Mapping[tuple[str, int, str], FloatArray]) -> list[str]:
    """Name what is below its bar."""
    found = []
    for target in TARGETS:
        for size in SIZES:
            none, helped, spoilt = (
                means[target, size, kind][0] for kind in ("none", "evidence", "shuffled")
            )
            if helped - none < LEAST_GAIN[size]:
                found.append(f"{target} {size}: evidence gains {helped - none:+.3f}")
            if none - spoilt > MOST_COST[size]:
                found.append(f"{target} {size}: shuffled evidence costs {none - spoilt:.3f}")
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="3 splits")
    parser.add_argument("--splits", type=int, default=10)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args(arguments)
    begun, seeds = time.perf_counter(), range(3 if options.quick else options.splits)
    means: dict[tuple[str, int, str], FloatArray] = {}
    print(f"{'target':<8}seen  loss    " + "  ".join(f"{kind:>9}" for kind in KINDS))
    with ProcessPoolExecutor(options.jobs) as pool:
        for target in TARGETS:
            for size in SIZES:
                for kind in KINDS:
                    found = pool.map(partial(score, target, size, kind), seeds)
                    means[target, size, kind] = np.mean(list(found), axis=0)
                for i, name in enumerate(("single", "mean")):
                    figures = "  ".join(f"{means[target, size, kind][i]:>9.3f}" for kind in KINDS)
                    print(f"{target:<8}{size:>4}  {name:<8}{figures}", flush=True)
    print(f"{time.perf_counter() - begun:.0f} s")
    below = shortfalls(means)
    print("\n".join(below))
    return 1 if below else 0


if __name__ == "__main__":
    sys.exit(main())
