"""What left-out runs say of the processes: which prior serves a table, and how wide sds must be.

Leaving a run out at the hyper-parameters that it helped to fit flatters: with as many relevances as
runs they know it. So the runs are dealt into folds, and each fold is predicted by processes whose
hyper-parameters never saw it. On the tables in `benchmarks/data` misses of unseen runs are 1 to 2
predictive sds, those left out at fixed hyper-parameters below 1.

Notation: n runs, m metrics, k folds, l levels.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import norm

from mixatlas.surrogate.fit import maximum
from mixatlas.surrogate.gp import UNMEASURED, Data, Processes
from mixatlas.surrogate.kernel import EVEN, FREE

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

N_FOLDS = 4
LEAST_RUNS = 8
"""Distinct mixtures below which folds are too small to say anything."""
MOST_RUNS = 128
"""Runs that are dealt into folds: of more, some that no order of the runs can change. They are
predicted from fewer than there are, so what they say of all is on the careful side."""
MOST_METRICS = 8
"""Metrics that are predicted in folds: one answer serves all, as well as one each would."""
LEVELS_L = np.array([0.5, 0.8, 0.95])
DEGREES = 4.0
"""Of the t distribution by which misses are judged: a few far ones must not decide."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What left-out folds say of processes under one prior.

    Args:
        density_n: Log density of each run's measurements over the number of metrics, up to a
            constant; larger is better.
        widening: Ratio by which the sds of new measurements must grow, or may shrink: the mean over
            three central intervals of how far misses reach over how far a normal's would, geometric
            mean over metrics.
    """

    density_n: FloatArray
    widening: float


def checked(processes: Processes, group_n: IntArray) -> tuple[Processes, float]:
    """Return the processes under the prior of relevances that predicts best, and their widening.

    It is the free one unless the even one is better by more than a standard error over the runs.
    Where few of many groups matter, relevances must be free to say so; where all matter and runs
    are few, free ones fit noise (Spearman on two tables of 50 domains: free .90 and .76, chosen
    .94 and .82; on the demo's even ones lose .06, and are not chosen).

    Args:
        processes: Fitted with free relevances, conditioned on all runs; what is not measured is
            marked by its noise.
        group_n: Which distinct mixture each run has, numbered in an order that no order of the
            runs changes: mixtures are dealt into folds by it.

    Returns:
        The processes as they are, and 1, where there are too few distinct mixtures to tell.

    Raises:
        FitFailed: The numbers fail.

    Cost:
        Two fits of `N_FOLDS` times as many metrics, at most `MOST_METRICS`, and one of all.
    """
    if group_n.max() + 1 < LEAST_RUNS:
        return processes, 1.0
    rows = np.argsort(group_n, kind="stable")
    rows = rows[np.linspace(0, len(rows) - 1, min(len(rows), MOST_RUNS)).round().astype(np.int64)]
    fold_n = group_n[rows] % N_FOLDS
    free, even = (_check(processes, rows, fold_n, relevance_sd=sd) for sd in (FREE, EVEN))
    gain_n = even.density_n - free.density_n
    if gain_n.mean() <= gain_n.std() / np.sqrt(len(gain_n)):
        return processes, free.widening
    return _refitted(processes, rows, relevance_sd=EVEN), even.widening


def _refitted(processes: Processes, rows: IntArray, *, relevance_sd: float) -> Processes:
    """Return processes of the same data under another prior, fitted to some rows of it."""
    data, features = processes.data, processes.features
    some = replace(data, X_nf=data.X_nf[rows], Z_mn=data.Z_mn[:, rows], N_mn=data.N_mn[:, rows])
    theta_mp, _ = maximum(some, features.n_groups, relevance_sd=relevance_sd)
    return Processes.conditioned(features, theta_mp=theta_mp, data=data)


def _check(processes: Processes, rows: IntArray, fold_n: IntArray, *, relevance_sd: float) -> Check:
    miss_nm, variance_nm = _left_out(processes, rows, fold_n, relevance_sd=relevance_sd)
    z_nm = miss_nm / np.sqrt(variance_nm)
    seen_nm = np.isfinite(z_nm)
    tails_nm = (DEGREES + 1) / 2 * np.log1p(z_nm**2 / DEGREES)
    ratios = [
        (np.quantile(np.abs(z_n[np.isfinite(z_n)]), LEVELS_L) / norm.ppf(0.5 + LEVELS_L / 2)).mean()
        for z_n in z_nm.T
        if np.isfinite(z_n).sum() >= LEAST_RUNS and np.nanmax(np.abs(z_n)) > 0
    ]
    return Check(
        density_n=np.where(seen_nm, -0.5 * np.log(variance_nm) - tails_nm, 0.0).mean(axis=1),
        widening=float(np.exp(np.mean(np.log(ratios)))) if ratios else 1.0,
    )


def _left_out(
    processes: Processes, rows: IntArray, fold_n: IntArray, *, relevance_sd: float
) -> tuple[FloatArray, FloatArray]:
    """Predict every fold from the others, with hyper-parameters of the others.

    Returns:
        Misses and predictive variances (n, m) in standardised latents; misses are NaN where a run
        was not measured.
    """
    m = len(processes.data.Z_mn)
    metrics = np.linspace(0, m - 1, min(m, MOST_METRICS)).round().astype(np.int64)
    X_nf = processes.data.X_nf[rows]
    Z_mn, N_mn = processes.data.Z_mn[metrics][:, rows], processes.data.N_mn[metrics][:, rows]
    sees_mje = processes.data.sees_mje
    fold = torch.as_tensor(fold_n)
    # All folds are one batch: a run is left out by so much noise that it says nothing.
    data = Data(
        X_nf=X_nf,
        Z_mn=torch.cat([torch.where(fold == k, 0.0, Z_mn) for k in range(N_FOLDS)]),
        N_mn=torch.cat([torch.where(fold == k, UNMEASURED, N_mn) for k in range(N_FOLDS)]),
        sees_mje=None if sees_mje is None else torch.cat([sees_mje[metrics]] * N_FOLDS),
    )
    theta_mp, _ = maximum(data, processes.features.n_groups, relevance_sd=relevance_sd)
    refitted = Processes.conditioned(processes.features, theta_mp=theta_mp, data=data)
    mean_nm, variance_nm = refitted.marginals_at(X_nf)
    variance_nm = variance_nm + refitted.residual_variance_m
    shape = (len(rows), N_FOLDS, len(metrics))
    own = (np.arange(len(rows)), fold_n)
    mean_nm, variance_nm = mean_nm.reshape(shape)[own], variance_nm.reshape(shape)[own]
    known_nm = N_mn.T.numpy()
    miss_nm = np.where(known_nm < UNMEASURED, Z_mn.T.numpy() - mean_nm, np.nan)
    return miss_nm, variance_nm + np.where(known_nm < UNMEASURED, known_nm, 0.0)
