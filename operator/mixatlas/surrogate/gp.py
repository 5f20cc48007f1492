"""Exact Gaussian processes, one a benchmark, batched over benchmarks on shared inputs.

The latent of benchmark m is a smooth function (see `kernel`), seen through seed noise of known
variance plus a learnt residual. Where a trial lacks a benchmark its noise is made so large that the
row says nothing, which keeps all benchmarks in one batch.

Notation: n trials, m benchmarks, q mixtures, f features, p hyper-parameters; all torch float64.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray

from mixatlas.contract.errors import FitFailed
from mixatlas.surrogate.features import Features
from mixatlas.surrogate.kernel import RESIDUAL, Kernel

FloatArray = NDArray[np.float64]

JITTER = 1e-6
UNMEASURED = 1e8
"""Noise variance of a score that is not there, in units of the standardised latent."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Data:
    """What the processes are conditioned on.

    Args:
        X_nf: Features of the trials.
        Z_mn: Standardised latents; 0 where not measured.
        N_mn: Known noise variance; `UNMEASURED` where not measured.
    """

    X_nf: torch.Tensor
    Z_mn: torch.Tensor
    N_mn: torch.Tensor

    @classmethod
    def of(cls, X_nf: torch.Tensor, Z_nm: FloatArray, noise_m: FloatArray) -> Self:
        """Arrange standardised latents (NaN = not measured) and their known noise variances."""
        measured_nm = np.isfinite(Z_nm)
        return cls(
            X_nf=X_nf,
            Z_mn=torch.as_tensor(np.where(measured_nm, Z_nm, 0.0).T.copy()),
            N_mn=torch.as_tensor(np.where(measured_nm, noise_m, UNMEASURED).T.copy()),
        )


def factor(theta_mp: torch.Tensor, data: Data) -> torch.Tensor:
    """Return the Cholesky factors (m, n, n) of the observed scores' covariance.

    Raises:
        FitFailed: A covariance is not positive definite.
    """
    noise_mn = data.N_mn + theta_mp[:, RESIDUAL].exp()[:, None] + JITTER
    try:
        L_mnn: torch.Tensor = torch.linalg.cholesky(
            Kernel.of(theta_mp)(data.X_nf, data.X_nf) + torch.diag_embed(noise_mn)
        )
    except torch.linalg.LinAlgError as error:  # type: ignore[attr-defined]  # torch has it
        raise FitFailed(
            "the covariance of the scores is not positive definite",
            hint="Nothing to do: the round falls back to quasi-random mixtures.",
        ) from error
    return L_mnn


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Processes:
    """`m` conditioned Gaussian processes over the simplex, in standardised latents.

    Args:
        features: From weights to kernel inputs.
        theta_mp: Hyper-parameters (logarithms; see `kernel`).
        data: What was seen.
        L_mnn: Cholesky factors of its covariance.
        alpha_mn: Covariance⁻¹ · latents.
    """

    features: Features
    theta_mp: torch.Tensor
    data: Data
    L_mnn: torch.Tensor
    alpha_mn: torch.Tensor

    @classmethod
    def conditioned(cls, features: Features, *, theta_mp: torch.Tensor, data: Data) -> Self:
        """Condition the processes on the data.

        Raises:
            FitFailed: The covariance is not positive definite.
        """
        L_mnn = factor(theta_mp, data)
        alpha_mn = torch.cholesky_solve(data.Z_mn[..., None], L_mnn)[..., 0]
        return cls(features=features, theta_mp=theta_mp, data=data, L_mnn=L_mnn, alpha_mn=alpha_mn)

    @property
    def residual_variance_m(self) -> FloatArray:
        """Variance of a new measurement around its latent, known noise aside."""
        return self.theta_mp[:, RESIDUAL].exp().numpy()

    def prior_variance(self, W_qd: FloatArray) -> FloatArray:
        """Return the variance (q, m) of each latent before any trial."""
        return Kernel.of(self.theta_mp).diagonal(self.features(W_qd)).T.numpy()

    def marginals(self, W_qd: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return mean and variance of each latent at each mixture, both (q, m)."""
        kernel, Q_qf = Kernel.of(self.theta_mp), self.features(W_qd)
        K_mnq = kernel(self.data.X_nf, Q_qf)
        mean_mq = (self.alpha_mn[:, None, :] @ K_mnq)[:, 0]
        H_mnq = torch.linalg.solve_triangular(self.L_mnn, K_mnq, upper=False)
        variance_mq = kernel.diagonal(Q_qf) - (H_mnq**2).sum(1)
        return mean_mq.T.numpy(), variance_mq.clamp_min(1e-12).T.numpy()

    def covariance_with(self, W_qd: FloatArray, w_d: FloatArray) -> FloatArray:
        """Return the covariance (q, m) of each mixture's latents with one mixture's."""
        kernel = Kernel.of(self.theta_mp)
        Q_qf, one_f = self.features(W_qd), self.features(w_d[None, :])
        K_mqn, K_mn1 = kernel(Q_qf, self.data.X_nf), kernel(self.data.X_nf, one_f)
        seen_mq1 = K_mqn @ torch.cholesky_solve(K_mn1, self.L_mnn)
        return (kernel(Q_qf, one_f) - seen_mq1)[..., 0].T.numpy()

    def joint(self, W_qd: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return means (m, q) and covariances (m, q, q) of the latents."""
        kernel, Q_qf = Kernel.of(self.theta_mp), self.features(W_qd)
        K_mnq = kernel(self.data.X_nf, Q_qf)
        mean_mq = (self.alpha_mn[:, None, :] @ K_mnq)[:, 0]
        H_mnq = torch.linalg.solve_triangular(self.L_mnn, K_mnq, upper=False)
        C_mqq = kernel(Q_qf, Q_qf) - H_mnq.transpose(1, 2) @ H_mnq
        return mean_mq.numpy(), ((C_mqq + C_mqq.transpose(1, 2)) / 2).numpy()

    def observing(self, W_pd: FloatArray) -> Processes:
        """Return the processes after the mixtures gave exactly their predicted means.

        Means stay as they are and variances shrink: how pending trials count.
        """
        if not len(W_pd):
            return self
        mean_pm, _ = self.marginals(W_pd)
        noise_m1 = self.data.N_mn.min(dim=1, keepdim=True).values
        data = Data(
            X_nf=torch.cat([self.data.X_nf, self.features(W_pd)]),
            Z_mn=torch.cat([self.data.Z_mn, torch.as_tensor(mean_pm.T.copy())], dim=1),
            N_mn=torch.cat([self.data.N_mn, noise_m1.expand(-1, len(W_pd))], dim=1),
        )
        return Processes.conditioned(self.features, theta_mp=self.theta_mp, data=data)

    def leave_out(self, rows: Sequence[int]) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Predict the mean score of some rows from all other rows.

        Args:
            rows: Trials of one mixture, all measured, left out together.

        Returns:
            Each (m,): the latent's mean, its variance, and the known noise variance of the rows'
            average. Closed form: with P the inverse covariance, what the rows will show is normal
            around z - P_rr⁻¹ (P z)_r with covariance P_rr⁻¹, all noise included.
        """
        index = torch.as_tensor(list(rows))
        P_mnn = torch.cholesky_inverse(self.L_mnn)
        C_mrr = torch.linalg.inv(P_mnn[:, index][:, :, index])
        mean_mr = self.data.Z_mn[:, index] - (C_mrr @ self.alpha_mn[:, index, None])[..., 0]
        known_m = self.data.N_mn[:, index].mean(1) / len(index)
        residual_m = (self.theta_mp[:, RESIDUAL].exp() + JITTER) / len(index)
        latent_m = C_mrr.mean(dim=(1, 2)) - known_m - residual_m
        return mean_mr.mean(1).numpy(), latent_m.clamp_min(1e-12).numpy(), known_m.numpy()
