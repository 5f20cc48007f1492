"""Hyper-parameters by maximum a posteriori, from few and fixed starts: no luck, no clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import Bounds, minimize

from mixatlas.contract.errors import FitFailed
from mixatlas.surrogate.features import Features
from mixatlas.surrogate.gp import Data, Processes
from mixatlas.surrogate.kernel import FREE, prior
from mixatlas.surrogate.likelihood import log_likelihood
from mixatlas.surrogate.power import Power
from mixatlas.surrogate.subset import representative

FloatArray = NDArray[np.float64]
Hyperparameters = Mapping[str, tuple[float, ...]]
"""Benchmark → hyper-parameters (see `kernel`), none as logarithm: what a round's record keeps."""

REACH = 4.0
"""Hyper-parameters stay within this many prior sds: beyond it only numerics could lead."""
MOST_STEPS = 100
FEW_STEPS = 20
"""Of a fit that is only to tell powers: those that suit a fit without any are not yet those that
suit the fit with them, so there are two such fits before the last one."""
MOST_FITTED = 256
"""Trials that hyper-parameters are fitted to; the processes are conditioned on all. A step costs
n³, and what 256 trials do not tell of the relevances, 512 hardly tell."""


def fit(
    W_nd: FloatArray,
    Z_nm: FloatArray,
    *,
    noise_m: FloatArray,
    features: Features,
    warm_start: FloatArray | None = None,
    most_steps: int = MOST_STEPS,
) -> Processes:
    """Fit one process a benchmark.

    Args:
        W_nd: Weights of the trials.
        Z_nm: Standardised latents; NaN = not measured.
        noise_m: Known noise variance of each, or of each of its scores (n, m): a floor below the
            learnt residual.
        features: Where mixtures lie.
        warm_start: Log hyper-parameters (m, p) to start from instead of the prior's mode.
        most_steps: Of the ascent.

    Returns:
        Of the maximum that the ascent from the start ends in, conditioned on all trials.

    Raises:
        FitFailed: The ascent does not end in finite numbers.

    Cost:
        At most `most_steps` factorisations of (m, n, n) with their gradients, n <= `MOST_FITTED`,
        then one of all trials.
    """
    noise_nm = np.broadcast_to(noise_m, Z_nm.shape)
    data = Data.of(features(W_nd), Z_nm, noise_nm, features.sees_mje)
    return _fitted(features, data, warm_start, most_steps=most_steps)


def powered(processes: Processes, *, power_sd: float) -> tuple[Processes, Power]:
    """Fit the likeliest powers of values in place of the values.

    Args:
        processes: Fitted to standardised values, by a few steps at least.
        power_sd: Of the powers' prior: `OF_ANY` or `OF_KNOWN` kind of metrics.

    Returns:
        The processes of their latents under the powers, and the powers.

    Raises:
        FitFailed: As `fit`.

    Cost:
        As `fit` with `FEW_STEPS`, and once more with all.
    """
    values, features = processes.data, processes.features
    X_nm, noise_nm = values.seen_nm, values.N_mn.T.numpy()
    for most_steps in (FEW_STEPS, MOST_STEPS):
        power = Power.learnt(X_nm, noise_nm, processes.L_mnn.numpy(), power_sd=power_sd)
        latent_noise_nm = noise_nm * power.slope(X_nm) ** 2
        data = Data.of(values.X_nf, power.latents(X_nm), latent_noise_nm, values.sees_mje)
        start_mp = processes.theta_mp.numpy()
        processes = _fitted(features, data, start_mp, most_steps=most_steps)
    return processes, power


def _fitted(
    features: Features, data: Data, start_mp: FloatArray | None, *, most_steps: int
) -> Processes:
    """Fit hyper-parameters to runs that stand for all, and condition processes on all."""
    few = representative(MOST_FITTED, data.N_mn.T.numpy(), data.Z_mn.T.numpy(), data.X_nf.numpy())
    theta_mp = maximum(
        data.of_runs(few), features.n_groups, start_mp=start_mp, most_steps=most_steps
    )
    return Processes.conditioned(features, theta_mp=theta_mp, data=data)


def maximum(
    data: Data,
    n_groups: int,
    *,
    start_mp: FloatArray | None = None,
    relevance_sd: float = FREE,
    most_steps: int = MOST_STEPS,
) -> torch.Tensor:
    """Return the log hyper-parameters (m, p) that an ascent ends in.

    Args:
        data: What they are fitted to.
        n_groups: Number of groups of features.
        start_mp: Where the ascent starts; None is the prior's mode.
        relevance_sd: Of the prior of log relevances.
        most_steps: Of the ascent.

    Raises:
        FitFailed: It does not end in finite numbers.
    """
    mean_p, sd_p = prior(n_groups, relevance_sd, data.n_sources)
    if start_mp is None:
        start_mp = np.tile(mean_p, (len(data.Z_mn), 1))
    theta_mp, value = _ascend(data, start_mp, mean_p=mean_p, sd_p=sd_p, most_steps=most_steps)
    if not (np.isfinite(theta_mp).all() and np.isfinite(value)):
        raise FitFailed(
            "the surrogate's fit does not end in finite numbers",
            hint="Nothing to do: the round falls back to quasi-random mixtures.",
        )
    return torch.as_tensor(theta_mp)


def hyperparameters(processes: Processes, names: Sequence[str]) -> dict[str, tuple[float, ...]]:
    """Return what the next round may start from."""
    return {
        name: tuple(float(value) for value in row)
        for name, row in zip(names, processes.theta_mp.exp().numpy(), strict=True)
    }


def start_from(
    warm_start: Hyperparameters | None, names: Sequence[str], n_groups: int, n_sources: int = 0
) -> FloatArray | None:
    """Read stored hyper-parameters, those of as many groups and sources of evidence.

    Returns:
        Logarithms (m, p) to start from; None where a benchmark is missing or malformed, since a
        warm start is help, never a condition.
    """
    rows = [(warm_start or {}).get(name, ()) for name in names]
    mean_p, sd_p = prior(n_groups, n_sources=n_sources)
    if any(len(row) != len(mean_p) or not 0 < min(row) <= max(row) < np.inf for row in rows):
        return None
    theta_mp = np.log(np.array(rows))
    return np.asarray(np.clip(theta_mp, mean_p - REACH * sd_p, mean_p + REACH * sd_p))


def _ascend(
    data: Data,
    start_mp: FloatArray,
    *,
    mean_p: FloatArray,
    sd_p: FloatArray,
    most_steps: int,
) -> tuple[FloatArray, float]:
    """Climb from one start. Returns log hyper-parameters (m, p) and the sum of log posteriors."""
    shape = start_mp.shape
    sd = torch.as_tensor(sd_p)

    def negated(x: FloatArray) -> tuple[float, FloatArray]:
        x_mp = torch.as_tensor(x.reshape(shape))
        value_m, slope_mp = log_likelihood(torch.as_tensor(mean_p) + sd * x_mp, data)
        value = value_m.sum() - 0.5 * x_mp.square().sum()
        return -value.item(), -(sd * slope_mp - x_mp).numpy().ravel()

    # In prior sds, where no direction is much steeper than another.
    found = minimize(
        negated,
        ((start_mp - mean_p) / sd_p).ravel(),
        jac=True,
        method="L-BFGS-B",
        bounds=Bounds(np.full(start_mp.size, -REACH), np.full(start_mp.size, REACH)),
        options={"maxiter": most_steps},
    )
    return mean_p + sd_p * found.x.reshape(shape), -float(found.fun)
