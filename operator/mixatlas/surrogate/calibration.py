"""What left-out runs say of the processes: which prior serves a table, and how wide sds must be.

Leaving a run out at the hyper-parameters that it helped to fit flatters: with as many relevances as
runs they know it. So the runs are dealt into folds, and each fold is predicted by processes whose
hyper-parameters never saw it. On the tables in `benchmarks/data` misses of unseen runs are 1 to 2
predictive sds, those left out at fixed hyper-parameters below 1.

Notation: n runs, m benchmarks, k folds, r runs that a fold is predicted from, s runs in it, l
levels.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import norm

from mixatlas.surrogate.features import Features
from mixatlas.surrogate.fit import maximum
from mixatlas.surrogate.gp import UNMEASURED, Data, Processes
from mixatlas.surrogate.kernel import EVEN, FREE
from mixatlas.surrogate.subset import evenly

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

N_FOLDS = 4
LEAST_RUNS = 8
"""Distinct mixtures below which folds are too small to say anything."""
MOST_RUNS = 128
"""Runs that are dealt into folds: of more, some that no order of the runs can change. They are
predicted from fewer than there are, so what they say of all is on the careful side."""
MOST_STEPS = 30
"""Of the folds' fits: twice as many change no figure in its third digit."""
LEVELS_L = np.array([0.5, 0.8, 0.95])
NORMAL_L = norm.ppf(0.5 + LEVELS_L / 2)
DEGREES = 4.0
"""Of the t distribution by which misses are judged: a few far ones must not decide."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LeftOut:
    """Runs as processes predict them that never saw them, nor fitted anything to them.

    Args:
        rows: Of the processes' data.
        seen_nm: Standardised latents as measured, NaN where not.
        mean_nm: Predicted.
        variance_nm: Of the latent.
        known_nm: Known noise variance of what was measured; 0 where it was not.
        residual_nm: Learnt variance of a measurement beside that.
    """

    rows: IntArray
    seen_nm: FloatArray
    mean_nm: FloatArray
    variance_nm: FloatArray
    known_nm: FloatArray
    residual_nm: FloatArray

    def taking_residual_for_noise(self) -> LeftOut:
        """Return the runs with what was learnt of noise counted as if it had been known."""
        return replace(
            self,
            known_nm=self.known_nm + self.residual_nm,
            residual_nm=np.zeros_like(self.residual_nm),
        )

    @property
    def z_nm(self) -> FloatArray:
        """Misses in predictive sds of a measurement, NaN where not measured."""
        all_nm = self.variance_nm + self.known_nm + self.residual_nm
        return np.asarray((self.seen_nm - self.mean_nm) / np.sqrt(all_nm))

    @property
    def density_n(self) -> FloatArray:
        """Log density of each run's measurements over the number of benchmarks, but a constant."""
        all_nm, z_nm = self.variance_nm + self.known_nm + self.residual_nm, self.z_nm
        tails_nm = (DEGREES + 1) / 2 * np.log1p(z_nm**2 / DEGREES)
        density_nm = np.where(np.isfinite(z_nm), -0.5 * np.log(all_nm) - tails_nm, 0.0)
        return np.asarray(density_nm.mean(axis=1))

    @property
    def widening(self) -> float:
        """Ratio by which sds of measurements must grow, or may shrink: see `reach`.

        Geometric mean over benchmarks; 1 where none has enough measurements.
        """
        reaches = [
            reach(z_n[np.isfinite(z_n)])
            for z_n in self.z_nm.T
            if np.isfinite(z_n).sum() >= LEAST_RUNS and np.nanmax(np.abs(z_n)) > 0
        ]
        return float(np.exp(np.mean(np.log(reaches)))) if reaches else 1.0


def reach(z_nc: FloatArray) -> FloatArray:
    """Return by how much sds must grow for central intervals to hold as many misses as they say.

    All levels together: where a few misses are far out and most are near, as on tables without
    noise, no ratio is right at each of them.

    Args:
        z_nc: Misses in predictive sds, of one kind a column; all there.
    """
    ratio_lnc = np.abs(z_nc) / NORMAL_L.reshape(-1, *np.ones(z_nc.ndim, dtype=int))
    return np.asarray(np.quantile(ratio_lnc, LEVELS_L.mean(), axis=(0, 1)))


def choose(
    processes: Processes, group_n: IntArray, *, most_asked: int | None = None
) -> tuple[Processes, LeftOut | None]:
    """Return the processes under the prior of relevances that predicts best, and what it predicts.

    Where few of many groups matter, relevances must be free to say so; where all matter and runs
    are few or noisy, free ones fit noise. Mean Spearman over tables in `benchmarks/data`, free |
    even | chosen: demo .846 | .657 | .846, Olmix .822 | .794 | .822, RegMix .984 | .957 | .984,
    synthetic of 22 domains and 10 % noise .712 | .742 | .742, of 50 .613 | .659 | .659. To ask that
    the even prior be better by a standard error, or to average both, ranks worse.

    Args:
        processes: Fitted with free relevances, conditioned on all runs; what is not measured is
            marked by its noise.
        group_n: Which distinct mixture each run has, numbered in an order that no order of the
            runs changes: mixtures are dealt into folds by it. Negative ones are in no fold.
        most_asked: Benchmarks that are predicted, some of more: one answer serves all, as well as
            one each would. None is all.

    Returns:
        The processes as they are, and None, where there are too few distinct mixtures to tell.

    Raises:
        FitFailed: The numbers fail.

    Cost:
        Two fits of `N_FOLDS` times as many benchmarks to at most `MOST_RUNS` runs; where the even
        prior is chosen, one of all benchmarks.
    """
    if group_n.max(initial=-1) + 1 < LEAST_RUNS:
        return processes, None
    rows = np.argsort(group_n, kind="stable")
    rows = rows[np.searchsorted(group_n[rows], 0) :]
    rows = rows[evenly(len(rows), MOST_RUNS)]
    _, number_n = np.unique(group_n[rows], return_inverse=True)
    fold_n = number_n % N_FOLDS
    m = len(processes.data.Z_mn)
    data = processes.data.only(evenly(m, most_asked or m))
    free, even = (
        _left_out(processes.features, data, rows, fold_n, relevance_sd=sd) for sd in (FREE, EVEN)
    )
    if even.density_n.mean() <= free.density_n.mean():
        return processes, free
    return _refitted(processes, rows, relevance_sd=EVEN), even


def _refitted(processes: Processes, rows: IntArray, *, relevance_sd: float) -> Processes:
    """Return processes of the same data under another prior, fitted to some rows of it."""
    data, features = processes.data, processes.features
    theta_mp = maximum(data.of_runs(rows), features.n_groups, relevance_sd=relevance_sd)
    return Processes.conditioned(features, theta_mp=theta_mp, data=data)


def _left_out(
    features: Features, data: Data, rows: IntArray, fold_n: IntArray, *, relevance_sd: float
) -> LeftOut:
    """Predict every fold from the others, with hyper-parameters of the others."""
    m = len(data.Z_mn)
    inside = [rows[fold_n == k] for k in range(N_FOLDS)]
    outside = [rows[fold_n != k] for k in range(N_FOLDS)]
    # All folds are one batch, so the shorter ones are filled: with runs that say nothing.
    n_outside = max(map(len, outside))
    filled = [np.resize(of, n_outside) for of in outside]
    told_kr = np.arange(n_outside) < np.array([len(of) for of in outside])[:, None]
    told_k1r = torch.as_tensor(told_kr)[:, None]

    def of_folds(A_mn: torch.Tensor, nothing: float) -> torch.Tensor:
        A_kmr = torch.stack([A_mn[:, of] for of in filled])
        return torch.where(told_k1r, A_kmr, nothing).flatten(0, 1)

    X_mrf = torch.stack([data.X_nf[of] for of in filled]).repeat_interleave(m, dim=0)
    folds = Data(
        X_nf=X_mrf,
        Z_mn=of_folds(data.Z_mn, 0.0),
        N_mn=of_folds(data.N_mn, UNMEASURED),
        sees_mje=None if data.sees_mje is None else data.sees_mje.repeat(N_FOLDS, 1, 1),
    )
    theta_mp = maximum(folds, features.n_groups, relevance_sd=relevance_sd, most_steps=MOST_STEPS)
    refitted = Processes.conditioned(features, theta_mp=theta_mp, data=folds)
    n_inside = max(map(len, inside))
    asked = [np.resize(of, n_inside) for of in inside]
    Q_msf = torch.stack([data.X_nf[of] for of in asked]).repeat_interleave(m, dim=0)
    mean_ms, variance_ms = refitted.marginals_at(Q_msf)
    shape = (n_inside, N_FOLDS, m)
    mean_skm, variance_skm = mean_ms.reshape(shape), variance_ms.reshape(shape)
    # Back to the order of the rows: the nth of a fold was asked as its nth.
    nth_n = np.array([(fold_n[:i] == k).sum() for i, k in enumerate(fold_n)])
    N_nm = data.N_mn[:, rows].T.numpy()
    return LeftOut(
        rows=rows,
        seen_nm=data.seen_nm[rows],
        mean_nm=mean_skm[nth_n, fold_n],
        variance_nm=variance_skm[nth_n, fold_n],
        known_nm=np.where(N_nm < UNMEASURED, N_nm, 0.0),
        residual_nm=refitted.residual_variance_m.reshape(N_FOLDS, m)[fold_n],
    )
