"""Our posterior as a model of BoTorch: its acquisitions, samplers and optimisers work on it.

Only this module and those that search with it import BoTorch, which takes a second to load: import
it where it is used. BoTorch's tolerances (a least variance of 1e-12 in the analytic acquisitions,
1e-8 of jitter in its samples) are meant for outcomes of about unit size.

Notation: q mixtures, d domains, m metrics, p observations beyond the table; … are batches.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np
import torch
from botorch.acquisition.objective import PosteriorTransform
from botorch.models.model import Model
from botorch.posteriors import Posterior
from botorch.posteriors.gpytorch import GPyTorchPosterior
from botorch.sampling.base import MCSampler
from gpytorch.distributions import MultitaskMultivariateNormal, MultivariateNormal
from linear_operator.operators import BlockDiagLinearOperator, DenseLinearOperator
from numpy.typing import NDArray

from mixatlas.surrogate.gp import JITTER, Processes
from mixatlas.surrogate.table import TablePosterior

FloatArray = NDArray[np.float64]


def as_model(posterior: TablePosterior) -> MixtureModel:
    """Return the posterior of a table as a model of BoTorch, in the metrics' own units.

    Args:
        posterior: As `learn_table` gives it, not checked: a checked one holds powers of metrics,
            whose posterior is not normal.

    Raises:
        ValueError: A metric has a power.

    Example:
        >>> from botorch.acquisition import LogExpectedImprovement
        >>> from mixatlas.surrogate.table import learn_table
        >>> W_nd = np.array([[0.2, 0.8], [0.5, 0.5], [0.9, 0.1]])
        >>> model = as_model(learn_table(("code", "web"), W_nd, W_nd[:, :1]))
        >>> gain = LogExpectedImprovement(model, best_f=0.9)
        >>> gain(torch.tensor([[[0.7, 0.3]], [[1.0, 0.0]]], dtype=torch.float64)).argmax().item()
        1
    """
    if not posterior.power.is_none:
        raise ValueError("the posterior holds powers of metrics: take it before it is checked")
    return MixtureModel(posterior.processes, shift_m=posterior.shift_m, spread_m=posterior.spread_m)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Seen:
    """Observations beyond those of the processes, in standardised latents.

    Args:
        P_pd: Mixtures (…, p, d).
        Z_mp: Latents (…, m, p); their batches are the model's.
        N_mp: Noise variances (…, m, p).
    """

    P_pd: torch.Tensor
    Z_mp: torch.Tensor
    N_mp: torch.Tensor


@final
class MixtureModel(Model):  # type: ignore[misc]  # BoTorch has no types
    """Conditioned processes as BoTorch asks for them: inputs are weights on the simplex.

    Outcomes are the metrics as they are; larger need not be better. They are independent given
    the trials. Posteriors are differentiable in the weights. There is nothing to train.
    """

    def __init__(
        self,
        processes: Processes,
        *,
        shift_m: FloatArray,
        spread_m: FloatArray,
        seen: _Seen | None = None,
    ) -> None:
        super().__init__()
        self._processes = processes
        self._shift_m = torch.as_tensor(shift_m)
        self._spread_m = torch.as_tensor(spread_m)
        self._seen = seen

    @property
    def num_outputs(self) -> int:
        """Number of metrics."""
        return len(self._spread_m)

    @property
    def batch_shape(self) -> torch.Size:
        """Batches of observations that the model was conditioned on; none at first."""
        return torch.Size() if self._seen is None else self._seen.Z_mp.shape[:-2]

    def posterior(
        self,
        X: torch.Tensor,
        output_indices: list[int] | None = None,
        observation_noise: bool | torch.Tensor = False,
        posterior_transform: PosteriorTransform | None = None,
    ) -> Posterior:
        """Return the joint posterior of the metrics at mixtures.

        Args:
            X: Weights (…, q, d), float64. Mixtures of one batch are joint.
            output_indices: The metrics wanted; all if None.
            observation_noise: Whether it is of new measurements instead of what mixtures make of
                the metrics; or variances, in the metrics' units, that broadcast to (…, q, m).
            posterior_transform: Applied last.

        Returns:
            Of shape (…, q, m), with `batch_shape` among the batches.
        """
        mean_mq, C_mqq = self._joint(X)
        if isinstance(observation_noise, torch.Tensor):
            noise_mq = self._latent_noise(observation_noise, mean_mq)
            C_mqq = C_mqq + torch.diag_embed(noise_mq)
        elif observation_noise:
            C_mqq = C_mqq + torch.diag_embed(self._noise_m[:, None].expand(mean_mq.shape))
        mean_mq = self._shift_m[:, None] + self._spread_m[:, None] * mean_mq
        C_mqq = self._spread_m[:, None, None] ** 2 * C_mqq
        if output_indices is not None:
            mean_mq, C_mqq = mean_mq[..., output_indices, :], C_mqq[..., output_indices, :, :]
        posterior = GPyTorchPosterior(_distribution(mean_mq, C_mqq))
        return posterior if posterior_transform is None else posterior_transform(posterior)

    def condition_on_observations(
        self, X: torch.Tensor, Y: torch.Tensor, *, noise: torch.Tensor | None = None, **_: Any
    ) -> MixtureModel:
        """Return the model after further measurements, at unchanged hyper-parameters.

        Args:
            X: Weights (…, p, d).
            Y: Metrics (…, p, m); may have further batches in front, which then are the model's.
            noise: Variances that broadcast to `Y`; those of any new measurement if None.
        """
        shape = np.broadcast_shapes(X.shape[:-2], Y.shape[:-2], self.batch_shape)
        Z_mp = ((Y - self._shift_m) / self._spread_m).transpose(-2, -1)
        Z_mp = Z_mp.expand(*shape, *Z_mp.shape[-2:])
        N_mp = self._noise_m[:, None].expand(Z_mp.shape)
        if noise is not None:
            N_mp = self._latent_noise(noise, Z_mp)
        P_pd = X.expand(*shape, *X.shape[-2:])
        if (old := self._seen) is not None:
            P_pd = torch.cat([old.P_pd.expand(*shape, *old.P_pd.shape[-2:]), P_pd], dim=-2)
            Z_mp = torch.cat([old.Z_mp.expand(*shape, *old.Z_mp.shape[-2:]), Z_mp], dim=-1)
            N_mp = torch.cat([old.N_mp.expand(*shape, *old.N_mp.shape[-2:]), N_mp], dim=-1)
        return MixtureModel(
            self._processes,
            shift_m=self._shift_m.numpy(),
            spread_m=self._spread_m.numpy(),
            seen=_Seen(P_pd=P_pd, Z_mp=Z_mp, N_mp=N_mp),
        )

    def fantasize(
        self,
        X: torch.Tensor,
        sampler: MCSampler,
        observation_noise: torch.Tensor | None = None,
        **_: Any,
    ) -> MixtureModel:
        """Return the model after measurements at `X` that are drawn from its own posterior."""
        posterior = self.posterior(
            X, observation_noise=True if observation_noise is None else observation_noise
        )
        return self.condition_on_observations(X, sampler(posterior), noise=observation_noise)

    @property
    def _noise_m(self) -> torch.Tensor:
        """Variance of a new measurement around its latent."""
        return torch.as_tensor(self._processes.noise_variance_m)

    def _latent_noise(self, variance_qm: torch.Tensor, like_mq: torch.Tensor) -> torch.Tensor:
        """Carry noise variances from metrics to latents, in the shape of some latents."""
        variance_qm = (variance_qm / self._spread_m**2).expand(like_mq.transpose(-2, -1).shape)
        return variance_qm.transpose(-2, -1)

    def _joint(self, X: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return means (…, m, q) and covariances (…, m, q, q) of the latents."""
        features, seen = self._processes.features, self._seen
        if seen is None:
            return self._processes.joint_at(features(X))
        shape, p = np.broadcast_shapes(X.shape[:-2], self.batch_shape), seen.P_pd.shape[-2]
        all_pqd = [A.expand(*shape, *A.shape[-2:]) for A in (seen.P_pd, X)]
        mean_mr, C_mrr = self._processes.joint_at(features(torch.cat(all_pqd, dim=-2)))
        noise_mp = (seen.N_mp + JITTER).expand(mean_mr[..., :p].shape)
        L_mpp = torch.linalg.cholesky(C_mrr[..., :p, :p] + torch.diag_embed(noise_mp))
        H_mpq = torch.linalg.solve_triangular(L_mpp, C_mrr[..., :p, p:], upper=False)
        miss_mp1 = (seen.Z_mp - mean_mr[..., :p])[..., None]
        moved_mp1 = torch.linalg.solve_triangular(L_mpp, miss_mp1, upper=False)
        mean_mq = mean_mr[..., p:] + (H_mpq.transpose(-2, -1) @ moved_mp1)[..., 0]
        return mean_mq, C_mrr[..., p:, p:] - H_mpq.transpose(-2, -1) @ H_mpq


def _distribution(mean_mq: torch.Tensor, C_mqq: torch.Tensor) -> MultivariateNormal:
    """Return one distribution over the metrics, independent of each other."""
    if mean_mq.shape[-2] == 1:
        return MultivariateNormal(mean_mq[..., 0, :], C_mqq[..., 0, :, :])
    return MultitaskMultivariateNormal(
        mean=mean_mq.transpose(-2, -1),
        covariance_matrix=BlockDiagLinearOperator(DenseLinearOperator(C_mqq)),
        interleaved=False,
    )
