"""The covariance of a benchmark's latent: one linear and one smooth part on shared relevances.

k(x, y) = 1 + a Σ_f c_f x_f y_f / g + s · Matérn-5/2(√(Σ_f c_f (x_f - y_f)²) / ℓ),

where feature f belongs to group g(f) (a cell, a concept, a task) and warp v(f), and counts as
c_f = r_g(f)² π_v(f): the relevance of its group and the share of its warp. The linear part ranks
runs where measurements are few and noisy, the smooth part where they are exact; both look at the
same groups, so what a few trials say of a group's relevance serves both. Relevances shrink to 1 by
their prior, which keeps as many of them as a corpus has domains from fitting noise.

Notation: m benchmarks, n and q mixtures, f features, g groups, p hyper-parameters.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from mixatlas.surrogate.features import N_WARPS

FloatArray = NDArray[np.float64]

# Columns of the hyper-parameters, all logarithms.
RESIDUAL, LINEAR, SMOOTH, LENGTH = range(4)
N_SCALARS = 4
SHARES = slice(N_SCALARS, N_SCALARS + N_WARPS)
RELEVANCES = slice(N_SCALARS + N_WARPS, None)

ROOT_5 = 5**0.5
FREE, EVEN = 1.0, 0.4
"""Sds of log relevances: few of many groups may matter, or all matter about alike."""


def prior(n_groups: int, relevance_sd: float = FREE) -> tuple[FloatArray, FloatArray]:
    """Return mean and sd (p,) of the log hyper-parameters' normal prior.

    Half of the variance is expected to be residual, whatever the trials: the likelihood alone
    takes noise for signal when there are as many relevances as trials (Spearman on RegMix with as
    much noise as signal added: .80 with a residual of .05, .85 with this one, and no loss without
    noise). The length grows with √g as typical distances do.
    """
    mean = [-0.5, -2.0, -1.0, 0.7 + np.log(n_groups) / 2]
    sd = [1.5, 1.5, 1.5, 0.5]
    return (
        np.concatenate([mean, np.zeros(N_WARPS + n_groups)]),
        np.concatenate([sd, np.ones(N_WARPS), np.full(n_groups, relevance_sd)]),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scaled:
    """Features times the roots of what they count for.

    Args:
        A_mqf: Of the mixtures, for every latent.
        norm_mq: Their squared lengths.
    """

    A_mqf: torch.Tensor
    norm_mq: torch.Tensor


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Kernel:
    """Covariances of `m` latents.

    Args:
        linear_m: a.
        smooth_m: s.
        scale_mf: √c.
        length_m: ℓ.
        n_groups: g.
    """

    linear_m: torch.Tensor
    smooth_m: torch.Tensor
    scale_mf: torch.Tensor
    length_m: torch.Tensor
    n_groups: int

    @classmethod
    def of(cls, theta_mp: torch.Tensor) -> Kernel:
        """Read hyper-parameters (m, p)."""
        relevance_mg = theta_mp[:, RELEVANCES].exp()
        share_mv = torch.softmax(theta_mp[:, SHARES], dim=1).sqrt()
        # Features are the groups under the first warp, then under the next.
        scale_mf = (share_mv[:, :, None] * relevance_mg[:, None, :]).flatten(1)
        return cls(
            linear_m=theta_mp[:, LINEAR].exp(),
            smooth_m=theta_mp[:, SMOOTH].exp(),
            scale_mf=scale_mf,
            length_m=theta_mp[:, LENGTH].exp(),
            n_groups=relevance_mg.shape[1],
        )

    def __call__(self, A_qf: torch.Tensor, B_nf: torch.Tensor) -> torch.Tensor:
        """Return the covariances (m, q, n) between latents at two lists of features.

        Both are shared by all latents, of shapes (q, f) and (n, f), or each has its own, (m, q, f).
        Further dimensions may stand in front, (…, 1, q, f) where all latents share: those of the
        result, (…, m, q, n).
        """
        return self.between(self.scaled(A_qf), self.scaled(B_nf))

    def scaled(self, A_qf: torch.Tensor) -> Scaled:
        """Return features as the latents weigh them: worth keeping where many are asked about."""
        A_mqf = A_qf * self.scale_mf[:, None, :]
        return Scaled(A_mqf=A_mqf, norm_mq=(A_mqf**2).sum(-1))

    def between(self, A: Scaled, B: Scaled) -> torch.Tensor:
        """Return the covariances of features that are scaled already (see `__call__`)."""
        dot_mqn = A.A_mqf @ B.A_mqf.transpose(-2, -1)
        norm_mqn = A.norm_mq[..., :, None] + B.norm_mq[..., None, :]
        square_mqn = (norm_mqn - 2 * dot_mqn).clamp_min(0.0) / self.length_m[:, None, None] ** 2
        return (
            1.0
            + (self.linear_m / self.n_groups)[:, None, None] * dot_mqn
            + self.smooth_m[:, None, None] * _matern(square_mqn)
        )

    def diagonal(self, A_qf: torch.Tensor) -> torch.Tensor:
        """Return the prior variances (m, q) at features, the same (q, f) or each its own."""
        norm_mq = self.scaled(A_qf).norm_mq
        return 1.0 + self.smooth_m[:, None] + (self.linear_m / self.n_groups)[:, None] * norm_mq


def _matern(square: torch.Tensor) -> torch.Tensor:
    """Return the Matérn-5/2 correlation at squared distances in length-scales."""
    # The root's slope at 0 is infinite, though the correlation's is 0.
    u = ROOT_5 * (square + 1e-12).sqrt()
    return (1 + u + u**2 / 3) * torch.exp(-u)
