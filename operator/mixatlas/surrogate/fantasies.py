"""The processes, had some latents been seen without noise: what noisy improvements average over.

Notation: m benchmarks, n trials, g mixtures with fantasies, k draws, q mixtures, f features.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray

from mixatlas.surrogate.gp import Processes, cholesky

FloatArray = NDArray[np.float64]

JITTER = 1e-6
"""Added to the fantasies' covariance, as a share of its mean diagonal: near-equal mixtures."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fantasies:
    """Joint draws of the latents at `g` mixtures, and the processes given each draw.

    Args:
        processes: Conditioned on the trials.
        T_gf: Features of the mixtures.
        H_mng: L⁻¹ k(X, T), with L the factor of the trials' covariance.
        L_mgg: Factor of the posterior covariance at the mixtures.
        Z_mgk: Standard normal draws behind the fantasies.
        widening: Multiplies every sd.
        latent_kgm: The fantasies.
    """

    processes: Processes
    T_gf: torch.Tensor
    H_mng: torch.Tensor
    L_mgg: torch.Tensor
    Z_mgk: torch.Tensor
    widening: float
    latent_kgm: FloatArray

    @classmethod
    def drawn(
        cls,
        processes: Processes,
        W_gd: FloatArray,
        *,
        n_draws: int,
        widening: float,
        seed: int,
    ) -> Self:
        """Draw the latents of mixtures jointly.

        Args:
            processes: Conditioned on the trials.
            W_gd: The mixtures, g >= 1.
            n_draws: Number of draws k.
            widening: Multiplies every sd.
            seed: Source of the draws.

        Raises:
            FitFailed: The covariance is not positive definite.
        """
        kernel, T_gf = processes.kernel, processes.features(W_gd)
        mean_mg, H_mng = processes.seen_from(T_gf)
        C_mgg = kernel(T_gf, T_gf) - H_mng.transpose(1, 2) @ H_mng
        mean_m11 = torch.diagonal(C_mgg, dim1=1, dim2=2).mean(1)[:, None, None]
        eye_gg = torch.eye(len(W_gd), dtype=torch.float64)
        L_mgg = cholesky((C_mgg + C_mgg.transpose(1, 2)) / 2 + JITTER * mean_m11 * eye_gg)
        shape = (len(L_mgg), len(W_gd), n_draws)
        Z_mgk = torch.as_tensor(np.random.default_rng(seed).standard_normal(shape))
        latent_mgk = mean_mg[..., None] + widening * (L_mgg @ Z_mgk)
        return cls(
            processes=processes,
            T_gf=T_gf,
            H_mng=H_mng,
            L_mgg=L_mgg,
            Z_mgk=Z_mgk,
            widening=widening,
            latent_kgm=latent_mgk.permute(2, 1, 0).numpy(),
        )

    def marginals(self, W_qd: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return what is believed of mixtures given each draw.

        Returns:
            Means (k, q, m); the variance (q, m), which no draw changes and `widening` does; and the
            variance (q, m) that the trials alone have left, as it is.
        """
        processes = self.processes
        kernel, Q_qf = processes.kernel, processes.features(W_qd)
        mean_mq, H_mnq = processes.seen_from(Q_qf)
        C_mgq = kernel(self.T_gf, Q_qf) - self.H_mng.transpose(1, 2) @ H_mnq
        G_mgq = torch.linalg.solve_triangular(self.L_mgg, C_mgq, upper=False)
        mean_mkq = mean_mq[:, None, :] + self.widening * (self.Z_mgk.transpose(1, 2) @ G_mgq)
        left_mq = (kernel.diagonal(Q_qf) - (H_mnq**2).sum(1)).clamp_min(1e-12)
        variance_mq = self.widening**2 * (left_mq - (G_mgq**2).sum(1)).clamp_min(1e-12)
        return mean_mkq.permute(1, 2, 0).numpy(), variance_mq.T.numpy(), left_mq.T.numpy()
