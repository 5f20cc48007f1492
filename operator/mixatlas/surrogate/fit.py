"""Hyper-parameters by maximum a posteriori, from few and fixed starts: no luck, no clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize

from mixatlas.contract.errors import FitFailed
from mixatlas.surrogate.features import Features
from mixatlas.surrogate.gp import Data, Processes, factor

FloatArray = NDArray[np.float64]
Hyperparameters = Mapping[str, tuple[float, ...]]
"""Benchmark → (output scale, length-scale, residual variance, ε): what a round's record keeps."""

# Smooth on purpose. With 10 to 24 trials in 20 dimensions the likelihood alone likes short
# length-scales that rank unseen mixtures no better than chance (demo corpus, Spearman .15 after
# 10 trials against .51 with this prior).
PRIOR_MEAN = np.log([5.0, 4.0, 0.03])
PRIOR_SD = np.array([1.0, 0.35, 1.0])
REACH = 4.0
"""Hyper-parameters stay within this many prior sds: beyond it only numerics could lead."""
EPSILONS = (0.002, 0.01, 0.05)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fit:
    """Fitted processes and what to keep of them.

    Args:
        processes: Conditioned on the data.
        log_posterior: Of the hyper-parameters, summed over benchmarks; compares choices of ε.
    """

    processes: Processes
    log_posterior: float

    def hyperparameters(self, names: Sequence[str]) -> dict[str, tuple[float, ...]]:
        """Return what the next round may start from."""
        epsilon = self.processes.features.epsilon
        return {
            name: (*(float(value) for value in row), epsilon)
            for name, row in zip(names, self.processes.theta_m3.exp().numpy(), strict=True)
        }


def fit(
    W_nd: FloatArray,
    Z_nm: FloatArray,
    *,
    noise_m: FloatArray,
    candidates: Sequence[Features],
    starts: Sequence[FloatArray] = (),
) -> Fit:
    """Fit one process a benchmark, choosing the feature map with the highest posterior.

    Args:
        W_nd: Weights of the trials.
        Z_nm: Standardised latents; NaN = not measured.
        noise_m: Known noise variance of each, a floor below the learnt residual.
        candidates: Feature maps to choose from (they differ in ε).
        starts: Log hyper-parameters (m, 3) to start from, beside the prior's mode.

    Returns:
        The best of all maps and starts.

    Raises:
        FitFailed: No start ends in finite numbers.

    Cost:
        About a hundred Cholesky factorisations of (m, n, n) a start and a map.
    """
    n_benchmarks = Z_nm.shape[1]
    mode = np.tile(PRIOR_MEAN, (n_benchmarks, 1))
    fits = []
    for features in candidates:
        X_nf = features(W_nd)
        data = Data.of(X_nf, Z_nm, noise_m)
        results = [_ascend(data, start) for start in (mode, *starts)]
        finite = [result for result in results if np.isfinite(result[1]).all()]
        if not finite:
            continue
        # Benchmarks share nothing but the inputs, so each takes its own best start.
        value_sm = np.array([value_m for _, value_m in finite])
        best_m = value_sm.argmax(axis=0)
        theta_m3 = np.array([finite[best][0][row] for row, best in enumerate(best_m)])
        processes = Processes.conditioned(
            features, X_nf, theta_m3=torch.as_tensor(theta_m3), data=data
        )
        fits.append(Fit(processes=processes, log_posterior=float(value_sm.max(axis=0).sum())))
    if not fits:
        raise FitFailed(
            "no start of the surrogate's fit ended in finite numbers",
            hint="Nothing to do: the round falls back to quasi-random mixtures.",
        )
    return max(fits, key=lambda found: found.log_posterior)


def starts_from(
    warm_start: Hyperparameters | None, names: Sequence[str]
) -> tuple[tuple[FloatArray, ...], float | None]:
    """Read stored hyper-parameters.

    Returns:
        Starts for `fit` and the stored ε; nothing where a benchmark is missing or malformed,
        since a warm start is help, never a condition.
    """
    rows = [(warm_start or {}).get(name, ()) for name in names]
    if not rows or any(len(row) != 4 or min(row) <= 0 for row in rows):
        return (), None
    return (np.log([row[:3] for row in rows]),), rows[0][3]


def _ascend(data: Data, start_m3: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Climb from one start. Returns log hyper-parameters (m, 3) and log posteriors (m,)."""
    shape = start_m3.shape
    mean = torch.as_tensor(PRIOR_MEAN)
    sd = torch.as_tensor(PRIOR_SD)

    def log_posterior(theta_m3: torch.Tensor) -> torch.Tensor:
        L_mnn = factor(theta_m3, data)
        half_mn = torch.linalg.solve_triangular(L_mnn, data.Z_mn[..., None], upper=False)
        log_det_m = torch.diagonal(L_mnn, dim1=1, dim2=2).log().sum(1)
        prior_m = 0.5 * (((theta_m3 - mean) / sd) ** 2).sum(1)
        fit_m: torch.Tensor = -0.5 * (half_mn**2).sum(dim=(1, 2))
        return fit_m - log_det_m - prior_m

    def negated(flat: FloatArray) -> tuple[float, FloatArray]:
        theta_m3 = torch.tensor(flat.reshape(shape), requires_grad=True)
        value = -log_posterior(theta_m3).sum()
        (slope_m3,) = torch.autograd.grad(value, theta_m3)
        return value.item(), slope_m3.numpy().ravel().copy()

    low, high = PRIOR_MEAN - REACH * PRIOR_SD, PRIOR_MEAN + REACH * PRIOR_SD
    found = minimize(
        negated,
        np.clip(start_m3, low, high).ravel(),
        jac=True,
        method="L-BFGS-B",
        bounds=list(zip(low, high, strict=True)) * shape[0],
        options={"maxiter": 100},
    )
    theta_m3 = found.x.reshape(shape)
    with torch.no_grad():
        return theta_m3, log_posterior(torch.as_tensor(theta_m3)).numpy()
