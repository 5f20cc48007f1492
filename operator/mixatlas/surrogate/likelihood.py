"""How well hyper-parameters explain the trials, with its slope in closed form.

With G = (α αᵀ - C⁻¹) / 2 the log likelihood's slope by a hyper-parameter t is Σ_ij G_ij ∂C_ij/∂t
(Rasmussen & Williams 2006, eq. 5.9). No matrix of slopes is ever made: what a feature adds to a
covariance is a product or a squared difference of two numbers, so its sum over all pairs of trials
is a matrix product. Beside automatic differentiation this takes a third of the time (256 trials, 10
benchmarks, 65 groups: 39 against 109 ms), and a search waits for little else.

Notation: m benchmarks, n trials, f features, g groups, v warps, p hyper-parameters, j sources of
evidence, e expectations.
"""

from __future__ import annotations

import torch

from mixatlas.surrogate.features import N_WARPS
from mixatlas.surrogate.gp import JITTER, Data, cholesky
from mixatlas.surrogate.kernel import (
    LENGTH,
    LINEAR,
    RELEVANCES,
    RESIDUAL,
    ROOT_5,
    SHARES,
    SMOOTH,
    Kernel,
)


def log_likelihood(theta_mp: torch.Tensor, data: Data) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the log likelihoods (m,), up to a constant, and their slopes (m, p).

    Args:
        theta_mp: Log hyper-parameters (see `kernel`).
        data: What was seen.

    Raises:
        FitFailed: A covariance is not positive definite.

    Cost:
        One factorisation and one inverse of (m, n, n), and two products with features, O(n² f m).
    """
    kernel, residual_m = Kernel.of(theta_mp, data.sees_mje), theta_mp[:, RESIDUAL].exp()
    trials = kernel.scaled(data.X_nf)
    A_mnf, norm_mn = trials.A_mqf, trials.norm_mq
    dot_mnn = A_mnf @ A_mnf.transpose(1, 2)
    linear_m11 = (kernel.linear_m / kernel.n_groups)[:, None, None]
    smooth_m11, length_m11 = kernel.smooth_m[:, None, None], kernel.length_m[:, None, None]

    # As in `kernel`, in place: at 256 trials time goes into memory, not into arithmetic.
    u_mnn = (norm_mn[:, :, None] + norm_mn[:, None, :]).sub_(dot_mnn, alpha=2).clamp_min_(0.0)
    u_mnn = u_mnn.div_(length_m11**2).add_(1e-12).sqrt_().mul_(ROOT_5)
    decay_mnn = torch.exp(-u_mnn)
    matern_mnn = u_mnn.square().div_(3).add_(u_mnn).add_(1).mul_(decay_mnn)
    C_mnn = (dot_mnn * linear_m11).add_(1.0).addcmul_(matern_mnn, smooth_m11.expand_as(matern_mnn))
    if trials.E_mqe is not None:
        C_mnn.baddbmm_(trials.E_mqe, trials.E_mqe.transpose(1, 2))
    torch.diagonal(C_mnn, dim1=1, dim2=2).add_(data.N_mn + residual_m[:, None] + JITTER)

    L_mnn = cholesky(C_mnn)
    alpha_mn1 = torch.cholesky_solve(data.Z_mn[..., None], L_mnn)
    log_det_m = torch.diagonal(L_mnn, dim1=1, dim2=2).log().sum(1)
    value_m = -0.5 * (data.Z_mn * alpha_mn1[..., 0]).sum(1) - log_det_m

    G_mnn = torch.cholesky_inverse(L_mnn).neg_().baddbmm_(alpha_mn1, alpha_mn1.transpose(1, 2))
    G_mnn = G_mnn.mul_(0.5)
    slope_mp = torch.empty_like(theta_mp)
    slope_mp[:, RESIDUAL] = residual_m * torch.diagonal(G_mnn, dim1=1, dim2=2).sum(1)
    slope_mp[:, LINEAR] = linear_m11[:, 0, 0] * (G_mnn * dot_mnn).sum((1, 2))
    slope_mp[:, SMOOTH] = kernel.smooth_m * (G_mnn * matern_mnn).sum((1, 2))
    if trials.E_mqe is not None and data.sees_mje is not None:
        by_trust_me = ((G_mnn @ trials.E_mqe) * trials.E_mqe).sum(1)
        trusts = slice(-data.n_sources, None)
        slope_mp[:, trusts] = (data.sees_mje @ by_trust_me[:, :, None])[..., 0]

    # By the squared distance the Matérn's slope is -5 (1 + u) exp(-u) / (6 ℓ²).
    by_square_m11 = -5 / 6 * smooth_m11 / length_m11**2
    B_mnn = u_mnn.add_(1).mul_(decay_mnn).mul_(G_mnn).mul_(by_square_m11)
    # Σ_ij B_ij (a_i - a_j)² + l G_ij a_i a_j of every feature, as products.
    rows_mn1 = B_mnn.sum(2, keepdim=True)
    both_mnn = G_mnn.mul_(linear_m11).sub_(B_mnn, alpha=2)
    by_scale_mf = ((both_mnn @ A_mnf) * A_mnf).sum(1) + 2 * (rows_mn1 * A_mnf.square()).sum(1)
    # All features' squared differences together are the squared distance, which ℓ divides.
    slope_mp[:, LENGTH] = -2 * (by_scale_mf.sum(1) - slope_mp[:, LINEAR])
    by_scale_mvg = by_scale_mf.reshape(len(theta_mp), N_WARPS, -1)
    relevances = slice(RELEVANCES.start, RELEVANCES.start + kernel.n_groups)
    slope_mp[:, relevances] = 2 * by_scale_mvg.sum(1)
    by_warp_mv = by_scale_mvg.sum(2)
    share_mv = torch.softmax(theta_mp[:, SHARES], dim=1)
    slope_mp[:, SHARES] = by_warp_mv - share_mv * by_warp_mv.sum(1, keepdim=True)
    return value_m, slope_mp
