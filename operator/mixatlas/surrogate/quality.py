"""How far a table's predictions may be trusted: each run predicted from the others, and warnings.

Notation: n runs, d domains, m metrics.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, spearmanr

from mixatlas.surrogate.runs import Runs
from mixatlas.surrogate.standard import counts
from mixatlas.surrogate.table import TablePosterior

FloatArray = NDArray[np.float64]

LEAST_RUNS = 3
"""Distinct mixtures below which leaving one out says nothing."""
RANKED = 0.3
"""Rank correlation from which poor values are blamed on few runs."""
TOGETHER = 0.999
N_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """Leave-one-out quality of one metric.

    Misses and variance are means over the runs, counted by how well they are known (`counts`).

    Args:
        metric: Its name.
        n: Runs that measured it.
        spearman: Rank correlation of predicted and measured; NaN where too few or constant.
        r2: 1 - squared misses over variance; NaN likewise.
        rmse: Root of the mean squared miss, in the metric's unit; NaN where too few.
        coverage: Share of measurements inside their 95 % interval; NaN where too few.
        noise_sd: Sd of a typical measurement, known and learnt, in the metric's unit.
        is_constant: Whether all measurements are equal.
    """

    metric: str
    n: int
    spearman: float
    r2: float
    rmse: float
    coverage: float
    noise_sd: float
    is_constant: bool


def qualities(runs: Runs, posterior: TablePosterior) -> tuple[Quality, ...]:
    """Return the leave-one-out quality of every metric."""
    mean_nm, sd_nm = posterior.left_out()
    is_enough = len(posterior.groups) >= LEAST_RUNS
    count_nm = counts(runs.Y_nm, runs.S_nm**2)
    found = []
    for m, metric in enumerate(runs.metrics):
        rows = np.isfinite(runs.Y_nm[:, m])
        seen, mean, sd = runs.Y_nm[rows, m], mean_nm[rows, m], sd_nm[rows, m]
        is_constant = _is_constant(seen)
        miss = seen - mean
        square = np.average(miss**2, weights=count_nm[rows, m])
        ranks = is_enough and not is_constant and len(seen) >= LEAST_RUNS and seen.var() > 0
        found.append(
            Quality(
                metric=metric,
                n=len(seen),
                spearman=_spearman(mean, seen) if ranks else np.nan,
                r2=float(1 - square / posterior.spread_m[m] ** 2) if ranks else np.nan,
                rmse=float(np.sqrt(square)) if is_enough else np.nan,
                coverage=float((np.abs(miss) <= norm.ppf(0.975) * sd).mean())
                if is_enough
                else np.nan,
                noise_sd=float(posterior.noise_sd_m[m]),
                is_constant=is_constant,
            )
        )
    return tuple(found)


def warnings(runs: Runs, found: tuple[Quality, ...]) -> Iterator[str]:
    """Yield what a reader of the predictions should know, a sentence each."""
    yield from doubts(runs)
    for quality in found:
        if not quality.is_constant and quality.r2 <= 0:
            line = f"{quality.metric}: left-out runs are predicted no better than by the mean"
            if quality.spearman > RANKED:
                line += f", but ranked (Spearman {quality.spearman:.2f}): look for outliers"
            yield line


def doubts(runs: Runs) -> Iterator[str]:
    """Yield what is to be known of the tables alone, a sentence each; nothing is fitted for it."""
    if runs.unmeasured:
        yield f"left out: {_named(runs.unmeasured, 'run')} without metrics"
    if runs.unweighted:
        yield f"left out: {_named(runs.unweighted, 'run')} without weights"
    n, d = len(np.unique(runs.W_nd, axis=0)), len(runs.domains)
    if n == 1:
        yield "all runs have one mixture: other mixtures are predicted by their mean alone"
    elif n < LEAST_RUNS:
        yield f"only {n} distinct mixtures: leaving one out says nothing"
    elif n < d:
        yield f"{n} distinct mixtures for {d} domains: effects of single domains are guesses"
    zero = [name for name, w_n in zip(runs.domains, runs.W_nd.T, strict=True) if not w_n.any()]
    if zero:
        yield f"{_named(zero, 'domain')} always at zero: its effect is unknown"
    pairs = list(_together(runs))
    for one, other in pairs[:N_NAMED]:
        yield f"{one} and {other} always move together: their effects cannot be told apart"
    if len(pairs) > N_NAMED:
        yield f"{len(pairs) - N_NAMED} more pairs of domains always move together"
    for metric, y_n in zip(runs.metrics, runs.Y_nm.T, strict=True):
        if _is_constant(y_n[np.isfinite(y_n)]):
            yield f"{metric} is constant: there is nothing to learn"


def _is_constant(seen: FloatArray) -> bool:
    # Rounding alone may spread equal values by some of their last digits.
    return bool(np.ptp(seen) <= 1e-12 * np.abs(seen).max(initial=0.0))


def _spearman(a: FloatArray, b: FloatArray) -> float:
    # A constant prediction ranks nothing.
    return 0.0 if np.ptp(a) == 0 else float(spearmanr(a, b).statistic)


def _together(runs: Runs) -> Iterator[tuple[str, str]]:
    moved = [d for d in range(len(runs.domains)) if np.ptp(runs.W_nd[:, d]) > 0]
    if len(runs.domains) < 3 or len(moved) < 2 or len(runs.W_nd) < LEAST_RUNS:
        return
    R_dd = np.abs(np.corrcoef(runs.W_nd[:, moved].T))
    for i, j in zip(*np.nonzero(np.triu(R_dd, 1) > TOGETHER), strict=True):
        yield runs.domains[moved[i]], runs.domains[moved[j]]


def _named(names: tuple[str, ...] | list[str], noun: str) -> str:
    shown = ", ".join(names[:N_NAMED]) + (", …" if len(names) > N_NAMED else "")
    return f"{len(names)} {noun}{'s' if len(names) > 1 else ''} ({shown})"
