"""Exact Gaussian processes, one a benchmark, batched over benchmarks on shared inputs.

The latent of benchmark m is a smooth function (see `kernel`), seen through seed noise of known
variance plus a learnt residual. Where a trial lacks a benchmark its noise is made so large that the
row says nothing, which keeps all benchmarks in one batch.

Notation: n trials, m benchmarks, q mixtures, f features, p hyper-parameters; all torch float64.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
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
    return cholesky(Kernel.of(theta_mp)(data.X_nf, data.X_nf) + torch.diag_embed(noise_mn))


def cholesky(C_mnn: torch.Tensor) -> torch.Tensor:
    """Return the lower factors of covariances.

    Raises:
        FitFailed: One is not positive definite.
    """
    try:
        L_mnn: torch.Tensor = torch.linalg.cholesky(C_mnn)
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
        kernel: Of the hyper-parameters.
        prior_variance_m: Variance of each latent before any trial, mean over the trials' mixtures.
    """

    features: Features
    theta_mp: torch.Tensor
    data: Data
    L_mnn: torch.Tensor
    alpha_mn: torch.Tensor
    kernel: Kernel
    prior_variance_m: FloatArray

    @classmethod
    def conditioned(cls, features: Features, *, theta_mp: torch.Tensor, data: Data) -> Self:
        """Condition the processes on the data.

        Raises:
            FitFailed: The covariance is not positive definite.
        """
        L_mnn = factor(theta_mp, data)
        alpha_mn = torch.cholesky_solve(data.Z_mn[..., None], L_mnn)[..., 0]
        kernel = Kernel.of(theta_mp)
        return cls(
            features=features,
            theta_mp=theta_mp,
            data=data,
            L_mnn=L_mnn,
            alpha_mn=alpha_mn,
            kernel=kernel,
            prior_variance_m=kernel.diagonal(data.X_nf).mean(dim=1).numpy(),
        )

    @property
    def residual_variance_m(self) -> FloatArray:
        """Variance of a new measurement around its latent, known noise aside."""
        return self.theta_mp[:, RESIDUAL].exp().numpy()

    def taking_residual_for_noise(self) -> Self:
        """Return the processes with what they learnt of noise counted as if it had been known."""
        residual_m1 = self.theta_mp[:, RESIDUAL].exp()[:, None]
        theta_mp = self.theta_mp.clone()
        theta_mp[:, RESIDUAL] = -torch.inf
        data = replace(self.data, N_mn=self.data.N_mn + residual_m1)
        return replace(self, theta_mp=theta_mp, data=data)

    def marginals(self, W_qd: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return mean and variance of each latent at each mixture, both (q, m)."""
        return self.marginals_at(self.features(W_qd))

    def marginals_at(self, Q_qf: torch.Tensor) -> tuple[FloatArray, FloatArray]:
        """Return the marginals at features."""
        kernel = self.kernel
        K_mnq = kernel(self.data.X_nf, Q_qf)
        mean_mq = (self.alpha_mn[:, None, :] @ K_mnq)[:, 0]
        H_mnq = torch.linalg.solve_triangular(self.L_mnn, K_mnq, upper=False)
        variance_mq = kernel.diagonal(Q_qf) - (H_mnq**2).sum(1)
        return mean_mq.T.numpy(), variance_mq.clamp_min(1e-12).T.numpy()

    def covariance_with(self, W_qd: FloatArray, w_d: FloatArray) -> FloatArray:
        """Return the covariance (q, m) of each mixture's latents with one mixture's."""
        kernel = self.kernel
        Q_qf, one_f = self.features(W_qd), self.features(w_d[None, :])
        K_mqn, K_mn1 = kernel(Q_qf, self.data.X_nf), kernel(self.data.X_nf, one_f)
        seen_mq1 = K_mqn @ torch.cholesky_solve(K_mn1, self.L_mnn)
        return (kernel(Q_qf, one_f) - seen_mq1)[..., 0].T.numpy()

    def joint(self, W_qd: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return means (m, q) and covariances (m, q, q) of the latents."""
        mean_mq, C_mqq = self.joint_at(self.features(W_qd))
        return mean_mq.numpy(), C_mqq.numpy()

    def joint_at(self, Q_qf: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return means (…, m, q) and covariances (…, m, q, q) of the latents at features.

        Args:
            Q_qf: Of shape (…, q, f); only mixtures of one batch are joint. Gradients flow.
        """
        kernel, shape = self.kernel, Q_qf.shape[:-1]
        # The trials are the same for all batches: one solve for all, not one factor a batch.
        K_mnq = kernel(self.data.X_nf, Q_qf.reshape(-1, Q_qf.shape[-1]))
        mean_mq = (self.alpha_mn[:, None, :] @ K_mnq)[:, 0]
        H_mnq = torch.linalg.solve_triangular(self.L_mnn, K_mnq, upper=False)
        H_mnq = H_mnq.reshape(*H_mnq.shape[:2], *shape).movedim((0, 1), (-3, -2))
        C_mqq = kernel(Q_qf[..., None, :, :], Q_qf[..., None, :, :])
        C_mqq = C_mqq - H_mnq.transpose(-2, -1) @ H_mnq
        mean_mq = mean_mq.reshape(-1, *shape).movedim(0, -2)
        return mean_mq, (C_mqq + C_mqq.transpose(-2, -1)) / 2

    def observing(self, W_pd: FloatArray) -> Processes:
        """Return the processes after the mixtures gave exactly their predicted means.

        Means stay as they are and variances shrink: how pending trials count. The factor grows by
        a block, O(n² p): it is not made again.
        """
        if not len(W_pd):
            return self
        kernel, P_pf = self.kernel, self.features(W_pd)
        K_mnp = kernel(self.data.X_nf, P_pf)
        mean_mp = (self.alpha_mn[:, None, :] @ K_mnp)[:, 0]
        noise_mp = self.data.N_mn.min(dim=1, keepdim=True).values.expand(-1, len(W_pd))
        H_mnp = torch.linalg.solve_triangular(self.L_mnn, K_mnp, upper=False)
        own_mp = noise_mp + self.theta_mp[:, RESIDUAL].exp()[:, None] + JITTER
        left_mpp = kernel(P_pf, P_pf) + torch.diag_embed(own_mp) - H_mnp.transpose(1, 2) @ H_mnp
        n = len(self.data.X_nf)
        L_mnn = torch.zeros(len(left_mpp), n + len(W_pd), n + len(W_pd), dtype=torch.float64)
        L_mnn[:, :n, :n] = self.L_mnn
        L_mnn[:, n:, :n] = H_mnp.transpose(1, 2)
        L_mnn[:, n:, n:] = cholesky(left_mpp)
        data = Data(
            X_nf=torch.cat([self.data.X_nf, P_pf]),
            Z_mn=torch.cat([self.data.Z_mn, mean_mp], dim=1),
            N_mn=torch.cat([self.data.N_mn, noise_mp], dim=1),
        )
        # A value that was predicted surprises nobody: the weights of the others stay.
        alpha_mn = torch.cat([self.alpha_mn, torch.zeros_like(mean_mp)], dim=1)
        return replace(self, data=data, L_mnn=L_mnn, alpha_mn=alpha_mn)

    def near(self, w_d: FloatArray) -> Linearised:
        """Return a cheap stand-in for the marginals around one mixture."""
        kernel = self.kernel
        x_1f = self.features(w_d[None, :])
        X_m1f = x_1f.expand(len(self.theta_mp), 1, -1).clone().requires_grad_()
        K_mn1 = kernel(self.data.X_nf, X_m1f)
        mean_m = (self.alpha_mn[:, None, :] @ K_mn1).flatten()
        H_mn1 = torch.linalg.solve_triangular(self.L_mnn, K_mn1, upper=False)
        variance_m = (kernel.diagonal(X_m1f) - (H_mn1**2).sum(1)).flatten()
        (mean_slope_m1f,) = torch.autograd.grad(mean_m.sum(), X_m1f, retain_graph=True)
        (variance_slope_m1f,) = torch.autograd.grad(variance_m.sum(), X_m1f)
        return Linearised(
            processes=self,
            w_d=w_d,
            x_1f=x_1f,
            mean_m=mean_m.detach(),
            mean_slope_mf=mean_slope_m1f[:, 0],
            variance_m=variance_m.detach().clamp_min(1e-12),
            variance_slope_mf=variance_slope_m1f[:, 0],
        )

    def leave_out(
        self, groups: Sequence[Sequence[int]]
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Predict the mean score of each group of rows from all rows outside the group.

        Args:
            groups: Each the trials of one mixture, all measured, left out together.

        Returns:
            Each (groups, m): the latent's mean, its variance, and the known noise variance of the
            rows' average. Closed form: with P the inverse covariance, what the rows will show is
            normal around z - P_rr⁻¹ (P z)_r with covariance P_rr⁻¹, all noise included.
        """
        P_mnn = torch.cholesky_inverse(self.L_mnn)
        residual_m = self.theta_mp[:, RESIDUAL].exp() + JITTER
        mean, latent, known = [], [], []
        for rows in groups:
            index = torch.as_tensor(list(rows))
            C_mrr = torch.linalg.inv(P_mnn[:, index][:, :, index])
            mean_mr = self.data.Z_mn[:, index] - (C_mrr @ self.alpha_mn[:, index, None])[..., 0]
            known_m = self.data.N_mn[:, index].mean(1) / len(rows)
            latent_m = C_mrr.mean(dim=(1, 2)) - known_m - residual_m / len(rows)
            mean.append(mean_mr.mean(1).numpy())
            latent.append(latent_m.clamp_min(1e-12).numpy())
            known.append(known_m.numpy())
        shape = (len(groups), len(self.theta_mp))
        return (
            np.array(mean).reshape(shape),
            np.array(latent).reshape(shape),
            np.array(known).reshape(shape),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Linearised:
    """Marginals to first order in the features, around one mixture.

    Costs no more for many trials than for few, and says well enough which of many moves to look at
    with the processes themselves: latents are nearly linear in their features.

    Args:
        processes: What it stands for.
        w_d: The mixture.
        x_1f: Its features.
        mean_m: Means there, with slopes (m, f).
        variance_m: Variances there, with slopes (m, f).
    """

    processes: Processes
    w_d: FloatArray
    x_1f: torch.Tensor
    mean_m: torch.Tensor
    mean_slope_mf: torch.Tensor
    variance_m: torch.Tensor
    variance_slope_mf: torch.Tensor

    def marginals(self, W_qd: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return about the mean and variance of each latent at mixtures nearby, both (q, m)."""
        moved_qf = self.processes.features(W_qd) - self.x_1f
        mean_qm = self.mean_m + moved_qf @ self.mean_slope_mf.T
        variance_qm = self.variance_m + moved_qf @ self.variance_slope_mf.T
        return mean_qm.numpy(), torch.maximum(variance_qm, 0.1 * self.variance_m).numpy()

    def covariance_with(self, W_qd: FloatArray, w_d: FloatArray) -> FloatArray:
        """Return the covariance (q, m) with one mixture's latents, as if all were `self.w_d`."""
        one_1m = self.processes.covariance_with(self.w_d[None, :], w_d)
        return np.broadcast_to(one_1m, (len(W_qd), one_1m.shape[1]))
