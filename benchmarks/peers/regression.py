"""What others predict of unseen mixtures, run for real on the same splits as ours.

A peer maps seen weights (n, d) and metrics (n, m; lower is better, nothing missing) and unseen
weights (q, d) to predictions (q, m); each metric is fitted for itself.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping

import botorch
import lightgbm
import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import least_squares, nnls
from sklearn.linear_model import RidgeCV

FloatArray = NDArray[np.float64]
Peer = Callable[[FloatArray, FloatArray, FloatArray], FloatArray]

EPSILON = 1e-3
"""Added to weights before the logarithm by every peer that takes one."""
ALPHAS = np.logspace(-4, 4, 33)


def lightgbm_regmix(W_nd: FloatArray, Y_nm: FloatArray, V_qd: FloatArray) -> FloatArray:
    """RegMix: 1,000 trees at a rate of 0.01, seed 42, all else LightGBM's defaults.

    RegMix stops early on the runs to be predicted, which nobody has. A leaf of at least 20 runs,
    the default, allows no split of fewer than 40: there it is an eighth of the runs.
    """
    settings = {
        "boosting_type": "gbdt",
        "objective": "regression",
        "n_estimators": 1000,
        "learning_rate": 1e-2,
        "random_state": 42,
        "verbosity": -1,
        "n_jobs": 1,
        "min_child_samples": min(20, max(2, len(W_nd) // 8)),
    }
    fitted = [lightgbm.LGBMRegressor(**settings).fit(W_nd, y_n) for y_n in Y_nm.T]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn misses names of columns
        return np.column_stack([model.predict(V_qd) for model in fitted])


def ridge_sqrt(W_nd: FloatArray, Y_nm: FloatArray, V_qd: FloatArray) -> FloatArray:
    """Fit a ridge on √w, its strength by leave-one-out."""
    return _ridge(np.sqrt(W_nd), Y_nm, np.sqrt(V_qd))


def ridge_log(W_nd: FloatArray, Y_nm: FloatArray, V_qd: FloatArray) -> FloatArray:
    """Fit a ridge on log(w + ε), its strength by leave-one-out."""
    return _ridge(np.log(W_nd + EPSILON), Y_nm, np.log(V_qd + EPSILON))


def log_linear_law(W_nd: FloatArray, Y_nm: FloatArray, V_qd: FloatArray) -> FloatArray:
    """Data mixing laws, and Olmix after them: c + exp(w · t), robust least squares.

    Started from several floors c; t of a start is the ridge of log(y - c) on the weights.
    """
    columns = []
    for y_n in Y_nm.T:
        spread = np.ptp(y_n) + 1e-12
        z_n = (y_n - y_n.min()) / spread

        def residual(p: FloatArray, z_n: FloatArray = z_n) -> FloatArray:
            return np.asarray(p[0] + np.exp(np.minimum(W_nd @ p[1:], 50.0)) - z_n)

        def slope(p: FloatArray, _: FloatArray = z_n) -> FloatArray:
            grown_n = np.exp(np.minimum(W_nd @ p[1:], 50.0))
            return np.column_stack([np.ones(len(W_nd)), grown_n[:, None] * W_nd])

        found = []
        for floor in (-0.02, -0.1, -0.3, -1.0, -3.0):
            ridge = RidgeCV(alphas=ALPHAS, fit_intercept=False).fit(W_nd, np.log(z_n - floor))
            start = np.concatenate([[floor], ridge.coef_])
            found.append(
                least_squares(residual, start, jac=slope, loss="huber", f_scale=0.1, max_nfev=200)
            )
        best = min(found, key=lambda result: result.cost).x
        columns.append(best[0] + np.exp(np.minimum(V_qd @ best[1:], 50.0)))
    return np.column_stack(columns)


def bimix(W_nd: FloatArray, Y_nm: FloatArray, V_qd: FloatArray) -> FloatArray:
    """BiMix at one budget, summed over domains: Σ_d F_d (w_d + ε)^-α_d with F, α >= 0.

    Started from α of 0.1, 0.3 and 1, with the best F for it.
    """
    columns = []
    d = W_nd.shape[1]
    log_nd, log_qd = np.log(W_nd + EPSILON), np.log(V_qd + EPSILON)
    for y_n in Y_nm.T:
        z_n = y_n / np.abs(y_n).mean()

        def residual(p: FloatArray, z_n: FloatArray = z_n) -> FloatArray:
            return np.asarray(np.exp(-p[d:] * log_nd) @ p[:d] - z_n)

        def slope(p: FloatArray, _: FloatArray = z_n) -> FloatArray:
            power_nd = np.exp(-p[d:] * log_nd)
            return np.column_stack([power_nd, -p[:d] * power_nd * log_nd])

        found = []
        for alpha in (0.1, 0.3, 1.0):
            factor_d, _ = nnls(np.exp(-alpha * log_nd), z_n)
            start = np.concatenate([factor_d + 1e-6, np.full(d, alpha)])
            found.append(
                least_squares(residual, start, jac=slope, bounds=(0.0, np.inf), max_nfev=200)
            )
        best = min(found, key=lambda result: result.cost).x
        columns.append(np.exp(-best[d:] * log_qd) @ best[:d] * np.abs(y_n).mean())
    return np.column_stack(columns)


def botorch_raw(W_nd: FloatArray, Y_nm: FloatArray, V_qd: FloatArray) -> FloatArray:
    """ADMIRE: BoTorch's default process on the weights as they are."""
    return _botorch(W_nd, Y_nm, V_qd)


def botorch_log(W_nd: FloatArray, Y_nm: FloatArray, V_qd: FloatArray) -> FloatArray:
    """BoTorch's default process on log(w + ε)."""
    return _botorch(np.log(W_nd + EPSILON), Y_nm, np.log(V_qd + EPSILON))


PEERS: Mapping[str, Peer] = {
    "lightgbm": lightgbm_regmix,
    "ridge-sqrt": ridge_sqrt,
    "ridge-log": ridge_log,
    "log-linear": log_linear_law,
    "bimix": bimix,
    "gp-raw": botorch_raw,
    "gp-log": botorch_log,
}


def _ridge(X_nf: FloatArray, Y_nm: FloatArray, Q_qf: FloatArray) -> FloatArray:
    columns = [RidgeCV(alphas=ALPHAS).fit(X_nf, y_n).predict(Q_qf) for y_n in Y_nm.T]
    return np.column_stack(columns)


def _botorch(X_nf: FloatArray, Y_nm: FloatArray, Q_qf: FloatArray) -> FloatArray:
    """Fit BoTorch's default, one process a metric: they share one optimiser's run, nothing else."""
    X_nf, Q_qf = X_nf - X_nf.min(axis=0), Q_qf - X_nf.min(axis=0)
    span_f = np.where(X_nf.max(axis=0) > 0, X_nf.max(axis=0), 1.0)
    mean_m, sd_m = Y_nm.mean(axis=0), Y_nm.std(axis=0) + 1e-12
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = botorch.models.SingleTaskGP(
            torch.as_tensor(X_nf / span_f),
            torch.as_tensor((Y_nm - mean_m) / sd_m),
            outcome_transform=None,
        )
        likelihood = botorch.fit_gpytorch_mll(
            botorch.fit.ExactMarginalLogLikelihood(model.likelihood, model)
        )
        del likelihood
        with torch.no_grad():
            mean_qm = model.posterior(torch.as_tensor(Q_qf / span_f)).mean.numpy()
    return np.asarray(mean_qm * sd_m + mean_m)
