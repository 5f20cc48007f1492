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
from mixatlas.surrogate.kernel import RESIDUAL, Kernel, Scaled

FloatArray = NDArray[np.float64]

JITTER = 1e-6
UNMEASURED = 1e8
"""Noise variance of a score that is not there, in units of the standardised latent."""
MOST_NOISE = 1e7
"""Known noise variance from which a score says nothing; it still is there."""
MOST_COVARIANCES = 1 << 21
"""Covariances of trials and mixtures, over all benchmarks, that are made at a time."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Data:
    """What the processes are conditioned on.

    Args:
        X_nf: Features of the trials; or (m, n, f), where each latent has its own.
        Z_mn: Standardised latents; 0 where not measured.
        N_mn: Known noise variance; `UNMEASURED` where not measured.
        sees_mje: Which of the last features are expectations of evidence (see `Kernel.of`).
    """

    X_nf: torch.Tensor
    Z_mn: torch.Tensor
    N_mn: torch.Tensor
    sees_mje: torch.Tensor | None = None

    @classmethod
    def of(
        cls,
        X_nf: torch.Tensor,
        Z_nm: FloatArray,
        noise_m: FloatArray,
        sees_mje: torch.Tensor | None = None,
    ) -> Self:
        """Arrange standardised latents (NaN = not measured) and their known noise variances.

        These are one a benchmark, (m,), or one a score, (n, m).
        """
        measured_nm, noise_m = np.isfinite(Z_nm), np.minimum(noise_m, MOST_NOISE)
        return cls(
            X_nf=X_nf,
            Z_mn=torch.as_tensor(np.where(measured_nm, Z_nm, 0.0).T.copy()),
            N_mn=torch.as_tensor(np.where(measured_nm, noise_m, UNMEASURED).T.copy()),
            sees_mje=sees_mje,
        )

    def only(self, latents: Sequence[int] | NDArray[np.int64]) -> Data:
        """Return what was seen of some latents."""
        return Data(
            X_nf=self.X_nf if self.X_nf.dim() == 2 else self.X_nf[latents],
            Z_mn=self.Z_mn[latents],
            N_mn=self.N_mn[latents],
            sees_mje=None if self.sees_mje is None else self.sees_mje[latents],
        )

    @property
    def seen_nm(self) -> FloatArray:
        """The latents as measured, NaN where not."""
        return torch.where(self.N_mn < UNMEASURED, self.Z_mn, torch.nan).T.numpy()

    def of_runs(self, rows: NDArray[np.int64]) -> Data:
        """Return what was seen of some runs, of features that all latents share."""
        return replace(self, X_nf=self.X_nf[rows], Z_mn=self.Z_mn[:, rows], N_mn=self.N_mn[:, rows])

    @property
    def n_sources(self) -> int:
        """Number of sources of evidence."""
        return 0 if self.sees_mje is None else self.sees_mje.shape[1]


def factor(theta_mp: torch.Tensor, data: Data) -> torch.Tensor:
    """Return the Cholesky factors (m, n, n) of the observed scores' covariance.

    One benchmark after the other: for 2,000 trials each takes 32 MB a copy.

    Raises:
        FitFailed: A covariance is not positive definite.
    """
    factors = []
    for m in range(len(theta_mp)):
        one, theta_1p = data.only([m]), theta_mp[m : m + 1]
        (noise_n,) = one.N_mn + theta_1p[:, RESIDUAL].exp()[:, None] + JITTER
        (C_nn,) = Kernel.of(theta_1p, one.sees_mje)(one.X_nf, one.X_nf)
        factors.append(cholesky(C_nn + noise_n.diag()))
    return torch.stack(factors)


def cholesky(C_nn: torch.Tensor) -> torch.Tensor:
    """Return the lower factors of covariances (…, n, n).

    Raises:
        FitFailed: One is not positive definite.
    """
    try:
        L_nn: torch.Tensor = torch.linalg.cholesky(C_nn)
    except torch.linalg.LinAlgError as error:  # type: ignore[attr-defined]  # torch has it
        raise FitFailed(
            "the covariance of the scores is not positive definite",
            hint="Nothing to do: the round falls back to quasi-random mixtures.",
        ) from error
    return L_nn


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
        trials: The trials' features as it weighs them.
        prior_variance_m: Variance of each latent before any trial, mean over the trials' mixtures.
    """

    features: Features
    theta_mp: torch.Tensor
    data: Data
    L_mnn: torch.Tensor
    alpha_mn: torch.Tensor
    kernel: Kernel
    trials: Scaled
    prior_variance_m: FloatArray

    @classmethod
    def conditioned(cls, features: Features, *, theta_mp: torch.Tensor, data: Data) -> Self:
        """Condition the processes on the data.

        Raises:
            FitFailed: The covariance is not positive definite.
        """
        L_mnn = factor(theta_mp, data)
        alpha_mn = torch.cholesky_solve(data.Z_mn[..., None], L_mnn)[..., 0]
        kernel = Kernel.of(theta_mp, data.sees_mje)
        return cls(
            features=features,
            theta_mp=theta_mp,
            data=data,
            L_mnn=L_mnn,
            alpha_mn=alpha_mn,
            kernel=kernel,
            trials=kernel.scaled(data.X_nf),
            prior_variance_m=kernel.diagonal(data.X_nf).mean(dim=1).numpy(),
        )

    @property
    def residual_variance_m(self) -> FloatArray:
        """Variance of a new measurement around its latent, known noise aside."""
        return self.theta_mp[:, RESIDUAL].exp().numpy()

    @property
    def noise_variance_m(self) -> FloatArray:
        """Variance of a typical new measurement: its known noise is the median of those seen."""
        N_mn = self.data.N_mn.numpy()
        known_m = np.nanmedian(np.where(N_mn < UNMEASURED, N_mn, np.nan), axis=1)
        return np.asarray(known_m + self.residual_variance_m)

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
        """Return the marginals at features, shared (q, f) or each latent its own (m, q, f)."""
        # In parts, or a pool of mixtures would need more memory than the factors.
        parts = [
            (self.kernel.diagonal(P_pf), *self.seen_from(P_pf))
            for P_pf in torch.split(Q_qf, max(MOST_COVARIANCES // self.alpha_mn.numel(), 1), dim=-2)
        ]
        mean_mq = torch.cat([mean_mp for _, mean_mp, _ in parts], dim=1)
        variance_mq = torch.cat([own_mp - (H_mnp**2).sum(1) for own_mp, _, H_mnp in parts], dim=1)
        return mean_mq.T.numpy(), variance_mq.clamp_min(1e-12).T.numpy()

    def seen_from(self, Q_qf: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return what the trials say of features.

        Returns:
            The latents' means (m, q), and H = L⁻¹ k(X, Q) of shape (m, n, q): what the trials take
            from the covariance of any two lists of mixtures is Hᵀ H'.
        """
        K_mnq = self.kernel.between(self.trials, self.kernel.scaled(Q_qf))
        mean_mq = (self.alpha_mn[:, None, :] @ K_mnq)[:, 0]
        return mean_mq, torch.linalg.solve_triangular(self.L_mnn, K_mnq, upper=False)

    def covariance_with(self, W_qd: FloatArray, w_d: FloatArray) -> FloatArray:
        """Return the covariance (q, m) of each mixture's latents with one mixture's."""
        Q_qf, x_1f = self.features(W_qd), self.features(w_d[None, :])
        (_, H_mnq), (_, H_mn1) = self.seen_from(Q_qf), self.seen_from(x_1f)
        C_mq1 = self.kernel(Q_qf, x_1f) - H_mnq.transpose(1, 2) @ H_mn1
        return C_mq1[..., 0].T.numpy()

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
        mean_mq, H_mnq = self.seen_from(Q_qf.reshape(-1, Q_qf.shape[-1]))
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
        mean_mp, H_mnp = self.seen_from(P_pf)
        noise_mp = self.data.N_mn.min(dim=1, keepdim=True).values.expand(-1, len(W_pd))
        own_mp = noise_mp + self.theta_mp[:, RESIDUAL].exp()[:, None] + JITTER
        left_mpp = kernel(P_pf, P_pf) + torch.diag_embed(own_mp) - H_mnp.transpose(1, 2) @ H_mnp
        n = len(self.data.X_nf)
        L_mnn = torch.zeros(len(left_mpp), n + len(W_pd), n + len(W_pd), dtype=torch.float64)
        L_mnn[:, :n, :n] = self.L_mnn
        L_mnn[:, n:, :n] = H_mnp.transpose(1, 2)
        L_mnn[:, n:, n:] = cholesky(left_mpp)
        data = replace(
            self.data,
            X_nf=torch.cat([self.data.X_nf, P_pf]),
            Z_mn=torch.cat([self.data.Z_mn, mean_mp], dim=1),
            N_mn=torch.cat([self.data.N_mn, noise_mp], dim=1),
        )
        # A value that was predicted surprises nobody: the weights of the others stay.
        alpha_mn = torch.cat([self.alpha_mn, torch.zeros_like(mean_mp)], dim=1)
        trials = kernel.scaled(data.X_nf)
        return replace(self, data=data, trials=trials, L_mnn=L_mnn, alpha_mn=alpha_mn)

    def near(self, W_sd: FloatArray) -> Linearised:
        """Return a cheap stand-in for the marginals around mixtures."""
        kernel, X_sf = self.kernel, self.features(W_sd)
        X_msf = X_sf.expand(len(self.theta_mp), -1, -1).clone().requires_grad_()
        K_mns = kernel.between(self.trials, kernel.scaled(X_msf))
        own_ms = kernel.diagonal(X_msf)
        with torch.no_grad():
            H_mns = torch.linalg.solve_triangular(self.L_mnn, K_mns, upper=False)
            C_mns = torch.linalg.solve_triangular(self.L_mnn.transpose(1, 2), H_mns, upper=True)
            variance_ms = (own_ms - (H_mns**2).sum(1)).clamp_min(1e-12)
        mean_ms = (self.alpha_mn[:, None, :] @ K_mns)[:, 0]
        (mean_slope_msf,) = torch.autograd.grad(mean_ms.sum(), X_msf, retain_graph=True)
        # The slope of kᵀ C⁻¹ k is 2 C⁻¹ k by k: no need to go back through the factor.
        (variance_slope_msf,) = torch.autograd.grad(own_ms.sum() - 2 * (C_mns * K_mns).sum(), X_msf)
        return Linearised(
            processes=self,
            features=self.features.near(W_sd),
            W_sd=W_sd,
            X_sf=X_sf,
            mean_sm=mean_ms.detach().T,
            mean_slope_sfm=mean_slope_msf.permute(1, 2, 0),
            variance_sm=variance_ms.T,
            variance_slope_sfm=variance_slope_msf.permute(1, 2, 0),
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
    """Marginals to first order in the features, around `s` mixtures.

    Costs no more for many trials than for few, and says well enough which of many moves to look at
    with the processes themselves: latents are nearly linear in their features. It takes equally
    many moves from each mixture, those of the first one first.

    Args:
        processes: What it stands for.
        features: Around the mixtures.
        W_sd: The mixtures.
        X_sf: Their features.
        mean_sm: Means there, with slopes (s, f, m).
        variance_sm: Variances there, with slopes (s, f, m).
    """

    processes: Processes
    features: Features
    W_sd: FloatArray
    X_sf: torch.Tensor
    mean_sm: torch.Tensor
    mean_slope_sfm: torch.Tensor
    variance_sm: torch.Tensor
    variance_slope_sfm: torch.Tensor

    def marginals(self, W_qd: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return about the mean and variance of each latent at mixtures nearby, both (q, m)."""
        moved_skf = self.features(W_qd).reshape(len(self.X_sf), -1, self.X_sf.shape[1])
        moved_skf = moved_skf - self.X_sf[:, None]
        mean_skm = self.mean_sm[:, None] + moved_skf @ self.mean_slope_sfm
        variance_skm = self.variance_sm[:, None] + moved_skf @ self.variance_slope_sfm
        variance_skm = torch.maximum(variance_skm, 0.1 * self.variance_sm[:, None])
        return mean_skm.flatten(0, 1).numpy(), variance_skm.flatten(0, 1).numpy()

    def covariance_with(self, W_qd: FloatArray, w_d: FloatArray) -> FloatArray:
        """Return the covariance (q, m) with one mixture's latents, as if none had moved."""
        C_sm = self.processes.covariance_with(self.W_sd, w_d)
        return np.repeat(C_sm, len(W_qd) // len(C_sm), axis=0)
