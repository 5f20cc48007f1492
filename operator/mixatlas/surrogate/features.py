"""Where mixtures lie for a kernel: warped weights of the cells and of whole concepts and tasks.

A benchmark gains much from the first tokens of a cell and little from the next, and zero differs
from a little. Which warp of the weights says it best depends on the corpus: logarithms rank runs
best where weights are spread (RegMix), square roots where most are zero (Olmix). So each weight is
seen through both, and the kernel learns how much either counts. A concept or a task as a whole
acts beside its cells (the same format, the same pictures), so the sums over the grid's two axes
are features too.

Where runs of elsewhere are evidence, what they make expect of each benchmark is a feature too.

Notation: n mixtures, d domains, g groups (cells and sums), f = 2 g features and e expectations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, Self

import numpy as np
import torch
from numpy.typing import NDArray

from mixatlas.space.grid import Grid

FloatArray = NDArray[np.float64]

EPSILON = 0.001
"""Weight at which the logarithm levels off: far below it, zero and some are alike."""
FINEST = 1e-6
"""Weight below which the root's slope grows no more: it is one part of the lattice, and at 0 the
true slope is infinite, which no gradient survives."""
N_WARPS = 2
LEAST_SPREAD = 0.1
"""Least spread of a feature, as a share of the median one: what hardly moved in the trials must
not look far away as soon as it moves."""
MARGIN = 0.5
"""How far beyond the trials, in their sds, a feature goes on to count. The linear part of a few
trials would otherwise promise most in corners that none of them came near."""


class Expectations(Protocol):
    """What sources of evidence expect of mixtures, standardised over the trials."""

    @property
    def sees_mje(self) -> torch.Tensor:
        """1 where the expectation e is source j's of benchmark m (see `Kernel.of`)."""
        ...

    def __call__(self, W_nd: torch.Tensor) -> torch.Tensor:
        """Map weights (…, n, d) to expectations (…, n, e). Gradients flow."""
        ...

    def near(self, W_sd: FloatArray) -> Expectations:
        """Return a cheap stand-in around mixtures, without gradients."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Features:
    """A fixed map from the simplex to feature space, standardised over the trials.

    Args:
        S_dg: Which domains each group sums.
        epsilon: Of the logarithm.
        centre_f: Mean of each feature over the trials: the logarithms of all groups, then the
            square roots.
        spread_f: Its sd over the trials, bounded from below.
        low_f: Least value that counts, after standardising: what lies farther from all trials than
            `MARGIN` looks as if it did not.
        high_f: The largest.
        evidence: Gives further features; None where there is none.
    """

    S_dg: torch.Tensor
    epsilon: float
    centre_f: torch.Tensor
    spread_f: torch.Tensor
    low_f: torch.Tensor
    high_f: torch.Tensor
    evidence: Expectations | None = None

    @classmethod
    def over(
        cls,
        domains: Sequence[str],
        W_nd: FloatArray,
        *,
        epsilon: float = EPSILON,
        evidence: Expectations | None = None,
    ) -> Self:
        """Build the features of named domains: cells alone, or with the sums of their grid.

        Args:
            domains: Names; `concept.task` tells the grid.
            W_nd: Weights of the trials, n >= 1.
            epsilon: Of the logarithm, positive.
            evidence: Of the same trials.
        """
        S_dg = torch.as_tensor(np.concatenate([np.eye(len(domains)), Grid.of(domains).sums_sd]).T)
        X_nf = _warped(torch.as_tensor(W_nd), S_dg, epsilon).numpy()
        sd_f = X_nf.std(axis=0)
        spread_f = np.where(sd_f > 1e-9, sd_f, 1.0)
        spread_f = np.maximum(spread_f, LEAST_SPREAD * np.median(spread_f))
        centre_f = X_nf.mean(axis=0)
        standard_nf = (X_nf - centre_f) / spread_f
        return cls(
            S_dg=S_dg,
            epsilon=epsilon,
            centre_f=torch.as_tensor(centre_f),
            spread_f=torch.as_tensor(spread_f),
            low_f=torch.as_tensor(standard_nf.min(axis=0) - MARGIN),
            high_f=torch.as_tensor(standard_nf.max(axis=0) + MARGIN),
            evidence=evidence,
        )

    @property
    def n_groups(self) -> int:
        """Number of groups g."""
        return self.S_dg.shape[1]

    @property
    def sees_mje(self) -> torch.Tensor | None:
        """Which expectation is whose (see `Kernel.of`), None without evidence."""
        return None if self.evidence is None else self.evidence.sees_mje

    def near(self, W_sd: FloatArray) -> Features:
        """Return features that are cheap and about right around mixtures (see `Linearised`)."""
        return self if self.evidence is None else replace(self, evidence=self.evidence.near(W_sd))

    def __call__(self, W_nd: FloatArray | torch.Tensor) -> torch.Tensor:
        """Map weights of shape (…, n, d) to features of shape (…, n, f), float64.

        Gradients flow to weights that are a tensor; that of a root is bounded (see `FINEST`).
        """
        W_nd = torch.as_tensor(W_nd)
        X_nf = _warped(W_nd, self.S_dg, self.epsilon)
        X_nf = ((X_nf - self.centre_f) / self.spread_f).clamp(self.low_f, self.high_f)
        return X_nf if self.evidence is None else torch.cat([X_nf, self.evidence(W_nd)], dim=-1)


def _warped(W_nd: torch.Tensor, S_dg: torch.Tensor, epsilon: float) -> torch.Tensor:
    U_ng = W_nd.clamp_min(0.0) @ S_dg
    return torch.cat([(U_ng + epsilon).log(), _Root.apply(U_ng)], dim=-1)


class _Root(torch.autograd.Function):
    """The square root with a slope that is bounded at 0."""

    @staticmethod
    def forward(ctx: Any, U: torch.Tensor) -> torch.Tensor:
        """Return the root."""
        ctx.save_for_backward(U)
        return U.sqrt()

    @staticmethod
    def backward(ctx: Any, *slopes: torch.Tensor) -> torch.Tensor:
        """Return the slope by U."""
        (U,) = ctx.saved_tensors
        slope: torch.Tensor = 0.5 * U.clamp_min(FINEST).rsqrt()
        return slope * slopes[0]
