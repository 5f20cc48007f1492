"""Where mixtures lie for a kernel: warped weights of the cells and of whole concepts and tasks.

A benchmark gains much from the first tokens of a cell and little from the next, and zero differs
from a little. Which warp of the weights says it best depends on the corpus: logarithms rank runs
best where weights are spread (RegMix), square roots where most are zero (Olmix). So each weight is
seen through both, and the kernel learns how much either counts. A concept or a task as a whole
acts beside its cells (the same format, the same pictures), so the sums over the grid's two axes
are features too.

Notation: n mixtures, d domains, g groups (cells and sums), f = 2 g features.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray

from mixatlas.space.grid import Grid

FloatArray = NDArray[np.float64]

EPSILON = 0.001
"""Weight at which the logarithm levels off: far below it, zero and some are alike."""
N_WARPS = 2
LEAST_SPREAD = 0.1
"""Least spread of a feature, as a share of the median one: what hardly moved in the trials must
not look far away as soon as it moves."""
MARGIN = 0.5
"""How far beyond the trials, in their sds, a feature goes on to count. The linear part of a few
trials would otherwise promise most in corners that none of them came near."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Features:
    """A fixed map from the simplex to feature space, standardised over the trials.

    Args:
        S_gd: Which domains each group sums.
        epsilon: Of the logarithm.
        centre_f: Mean of each feature over the trials: the logarithms of all groups, then the
            square roots.
        spread_f: Its sd over the trials, bounded from below.
        low_f: Least value that counts, after standardising: what lies farther from all trials than
            `MARGIN` looks as if it did not.
        high_f: The largest.
    """

    S_gd: FloatArray
    epsilon: float
    centre_f: FloatArray
    spread_f: FloatArray
    low_f: FloatArray
    high_f: FloatArray

    @classmethod
    def over(cls, domains: Sequence[str], W_nd: FloatArray, *, epsilon: float = EPSILON) -> Self:
        """Build the features of named domains: cells alone, or with the sums of their grid.

        Args:
            domains: Names; `concept.task` tells the grid.
            W_nd: Weights of the trials, n >= 1.
            epsilon: Of the logarithm, positive.
        """
        S_gd = np.concatenate([np.eye(len(domains)), Grid.of(domains).sums_sd])
        X_nf = _warped(W_nd, S_gd, epsilon)
        sd_f = X_nf.std(axis=0)
        spread_f = np.where(sd_f > 1e-9, sd_f, 1.0)
        spread_f = np.maximum(spread_f, LEAST_SPREAD * np.median(spread_f))
        centre_f = X_nf.mean(axis=0)
        standard_nf = (X_nf - centre_f) / spread_f
        return cls(
            S_gd=S_gd,
            epsilon=epsilon,
            centre_f=centre_f,
            spread_f=spread_f,
            low_f=standard_nf.min(axis=0) - MARGIN,
            high_f=standard_nf.max(axis=0) + MARGIN,
        )

    @property
    def n_groups(self) -> int:
        """Number of groups g."""
        return len(self.S_gd)

    def __call__(self, W_nd: FloatArray) -> torch.Tensor:
        """Map weights of shape (n, d) to features of shape (n, f), float64."""
        X_nf = _warped(W_nd, self.S_gd, self.epsilon)
        standard_nf = (X_nf - self.centre_f) / self.spread_f
        return torch.as_tensor(np.clip(standard_nf, self.low_f, self.high_f))


def _warped(W_nd: FloatArray, S_gd: FloatArray, epsilon: float) -> FloatArray:
    U_ng = np.clip(W_nd, 0.0, None) @ S_gd.T
    warps: tuple[Callable[[FloatArray], FloatArray], ...] = (
        lambda U: np.log(U + epsilon),
        np.sqrt,
    )
    return np.concatenate([warp(U_ng) for warp in warps], axis=1)
