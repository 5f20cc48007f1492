"""By how much predictive sds must grow to be true: misses of processes that are fitted anew.

Leaving a run out at the hyper-parameters that it helped to fit flatters: with as many relevances as
runs they know it. So the runs are dealt into folds, and each fold is predicted by processes whose
hyper-parameters never saw it. On the tables in `benchmarks/data` the misses of new runs are 1 to 2
predictive sds at the median ratio, those left out at fixed hyper-parameters below 1.

Notation: n runs, m metrics, k folds.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import norm

from mixatlas.surrogate.fit import MOST_FITTED, maximum
from mixatlas.surrogate.gp import UNMEASURED, Data, Processes

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

N_FOLDS = 4
LEAST_RUNS = 8
"""Distinct mixtures below which folds are too small to say anything."""
MOST_METRICS = 8
"""Metrics that are predicted in folds: one ratio serves all, as well as one each would."""
LEVELS = np.array([0.5, 0.8, 0.95])


def widening(processes: Processes, group_n: IntArray) -> float:
    """Return the ratio by which the sds of new measurements must grow, or may shrink.

    It is the mean over three central intervals of how far the misses reach and how far those of a
    normal distribution would, geometric mean over metrics: few far misses do not rule it.

    Args:
        processes: Conditioned on all runs; what is not measured is marked by its noise.
        group_n: Which distinct mixture each run has, numbered in an order that no order of the
            runs changes: mixtures are dealt into folds by it.

    Returns:
        1 where there are too few distinct mixtures to tell.

    Raises:
        FitFailed: The numbers fail.

    Cost:
        One fit of `N_FOLDS` times as many metrics, at most `MOST_METRICS`.
    """
    if group_n.max() + 1 < LEAST_RUNS:
        return 1.0
    z_nm = _misses(processes, group_n)
    ratio_m = [
        float(
            (np.quantile(np.abs(z_n[np.isfinite(z_n)]), LEVELS) / norm.ppf(0.5 + LEVELS / 2)).mean()
        )
        for z_n in z_nm.T
        if np.isfinite(z_n).sum() >= LEAST_RUNS and np.nanmax(np.abs(z_n)) > 0
    ]
    return float(np.exp(np.mean(np.log(ratio_m)))) if ratio_m else 1.0


def _misses(processes: Processes, group_n: IntArray) -> FloatArray:
    """Return every measurement's miss in predictive sds (n, m), NaN where not measured."""
    rows = np.argsort(group_n, kind="stable")
    rows = rows[np.linspace(0, len(rows) - 1, min(len(rows), MOST_FITTED)).round().astype(np.int64)]
    m = len(processes.data.Z_mn)
    metrics = np.linspace(0, m - 1, min(m, MOST_METRICS)).round().astype(np.int64)
    X_nf = processes.data.X_nf[rows]
    Z_mn = processes.data.Z_mn[metrics][:, rows]
    N_mn = processes.data.N_mn[metrics][:, rows]
    fold_n = torch.as_tensor(group_n[rows] % N_FOLDS)
    folds = [
        Data(
            X_nf=X_nf,
            Z_mn=torch.where(fold_n == k, 0.0, Z_mn),
            N_mn=torch.where(fold_n == k, UNMEASURED, N_mn),
        )
        for k in range(N_FOLDS)
    ]
    together = Data(
        X_nf=X_nf,
        Z_mn=torch.cat([fold.Z_mn for fold in folds]),
        N_mn=torch.cat([fold.N_mn for fold in folds]),
    )
    theta_mp, _ = maximum(together, processes.features.n_groups)
    refitted = Processes.conditioned(processes.features, theta_mp=theta_mp, data=together)
    mean_nm, variance_nm = refitted.marginals_at(X_nf)
    variance_nm = variance_nm + refitted.residual_variance_m
    # Columns are metrics within folds: of each run the fold that did not see it.
    shape = (len(rows), N_FOLDS, len(metrics))
    own = (np.arange(len(rows)), fold_n.numpy())
    mean_nm, variance_nm = mean_nm.reshape(shape)[own], variance_nm.reshape(shape)[own]
    known_nm = N_mn.T.numpy()
    miss_nm = (Z_mn.T.numpy() - mean_nm) / np.sqrt(variance_nm + known_nm)
    return np.where(known_nm < UNMEASURED, miss_nm, np.nan)
