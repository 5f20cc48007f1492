"""The covariance of a benchmark's latent: one linear and one smooth part on shared relevances.

k(x, y) = 1 + a Σ_f c_f x_f y_f / g + s · Matérn-5/2(√(Σ_f c_f (x_f - y_f)²) / ℓ)
          + Σ_j t_j μ_j(x) μ_j(y),

where feature f belongs to group g(f) (a cell, a concept, a task) and warp v(f), and counts as
c_f = r_g(f)² π_v(f): the relevance of its group and the share of its warp. The linear part ranks
runs where measurements are few and noisy, the smooth part where they are exact; both look at the
same groups, so what a few trials say of a group's relevance serves both. Relevances shrink to 1 by
their prior, which keeps as many of them as a corpus has domains from fitting noise.

The last sum is there where runs of elsewhere are evidence: μ_j is what source j expects of the
benchmark, and its trust t_j is the variance of the slope by which it counts. A slope has both
signs, so it does not matter whether the source measures gains or losses.

Notation: m benchmarks, n and q mixtures, f features, g groups, p hyper-parameters, j sources of
evidence, e features that are their expectations (the last of all).
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
"""Of g groups; after them comes the trust in each source of evidence."""

ROOT_5 = 5**0.5
FREE, EVEN = 1.0, 0.2
"""Sds of log relevances: few of many groups may matter, or all matter about alike."""


SHARE_SD = 3.0
"""Of a warp's share on the scale of the softmax: one warp alone must be as likely as both (RegMix
is all logarithm, tables of sparse optima are all root)."""
TRUST = (-3.0, 2.0)
"""Mean and sd of log trust. Expectations have about unit variance, as the latents do: a source that
is right in all has a trust of 1, and one of no use is at its mode below a tenth."""


def prior(
    n_groups: int, relevance_sd: float = FREE, n_sources: int = 0
) -> tuple[FloatArray, FloatArray]:
    """Return mean and sd (p,) of the log hyper-parameters' normal prior.

    Half of the variance is expected to be residual, whatever the trials: the likelihood alone
    takes noise for signal when there are as many relevances as trials (Spearman on RegMix with as
    much noise as signal added: .80 with a residual of .05, .85 with this one, and no loss without
    noise). The length grows with √g as typical distances do.
    """
    mean = [-0.5, -2.0, -1.0, 0.7 + np.log(n_groups) / 2]
    sd = [1.5, 1.5, 1.5, 0.5]
    return (
        np.concatenate([mean, np.zeros(N_WARPS + n_groups), np.full(n_sources, TRUST[0])]),
        np.concatenate(
            [
                sd,
                np.full(N_WARPS, SHARE_SD),
                np.full(n_groups, relevance_sd),
                np.full(n_sources, TRUST[1]),
            ]
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scaled:
    """Features times the roots of what they count for.

    Args:
        A_mqf: Of the mixtures, for every latent.
        norm_mq: Their squared lengths.
        E_mqe: Expectations times the roots of the trust in them; None without evidence.
    """

    A_mqf: torch.Tensor
    norm_mq: torch.Tensor
    E_mqe: torch.Tensor | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Kernel:
    """Covariances of `m` latents.

    Args:
        linear_m: a.
        smooth_m: s.
        scale_mf: √c.
        length_m: ℓ.
        n_groups: g.
        trust_me: √t of each expectation, 0 of those of other benchmarks; None without evidence.
    """

    linear_m: torch.Tensor
    smooth_m: torch.Tensor
    scale_mf: torch.Tensor
    length_m: torch.Tensor
    n_groups: int
    trust_me: torch.Tensor | None = None

    @classmethod
    def of(cls, theta_mp: torch.Tensor, sees_mje: torch.Tensor | None = None) -> Kernel:
        """Read hyper-parameters (m, p).

        Args:
            theta_mp: Logarithms.
            sees_mje: 1 where the expectation e is source j's of benchmark m; None without evidence.
        """
        trust_me = None
        if sees_mje is not None:
            theta_mp, trust_mj = theta_mp.tensor_split([-sees_mje.shape[1]], dim=1)
            trust_me = torch.einsum("mj,mje->me", (trust_mj / 2).exp(), sees_mje)
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
            trust_me=trust_me,
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
        f = self.scale_mf.shape[1]
        A_mqf = A_qf[..., :f] * self.scale_mf[:, None, :]
        return Scaled(
            A_mqf=A_mqf,
            norm_mq=(A_mqf**2).sum(-1),
            E_mqe=None if self.trust_me is None else A_qf[..., f:] * self.trust_me[:, None, :],
        )

    def between(self, A: Scaled, B: Scaled) -> torch.Tensor:
        """Return the covariances of features that are scaled already (see `__call__`)."""
        dot_mqn = A.A_mqf @ B.A_mqf.transpose(-2, -1)
        norm_mqn = A.norm_mq[..., :, None] + B.norm_mq[..., None, :]
        square_mqn = (norm_mqn - 2 * dot_mqn).clamp_min(0.0) / self.length_m[:, None, None] ** 2
        K_mqn = (
            1.0
            + (self.linear_m / self.n_groups)[:, None, None] * dot_mqn
            + self.smooth_m[:, None, None] * _matern(square_mqn)
        )
        if A.E_mqe is None or B.E_mqe is None:
            return K_mqn
        return K_mqn + A.E_mqe @ B.E_mqe.transpose(-2, -1)

    def diagonal(self, A_qf: torch.Tensor) -> torch.Tensor:
        """Return the prior variances (m, q) at features, the same (q, f) or each its own."""
        scaled = self.scaled(A_qf)
        linear_m1 = (self.linear_m / self.n_groups)[:, None]
        variance_mq = 1.0 + self.smooth_m[:, None] + linear_m1 * scaled.norm_mq
        return variance_mq if scaled.E_mqe is None else variance_mq + (scaled.E_mqe**2).sum(-1)


def _matern(square: torch.Tensor) -> torch.Tensor:
    """Return the Matérn-5/2 correlation at squared distances in length-scales."""
    # The root's slope at 0 is infinite, though the correlation's is 0.
    u = ROOT_5 * (square + 1e-12).sqrt()
    return (1 + u + u**2 / 3) * torch.exp(-u)
