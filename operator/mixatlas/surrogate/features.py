"""Where mixtures lie for a kernel: warped weights of the cells and of whole concepts and tasks.

A benchmark gains much from the first tokens of a cell and little from the next, so distances are
taken between square roots and logarithms of weights. A concept or a task as a whole acts beside
its cells (the same format, the same pictures), so the sums over the grid's two axes are features
of their own. The factors were chosen on the demo corpus before any search was confirmed with them;
those of the square roots grow with the root of the number of features in their block, which keeps
a typical distance between mixtures equal for 5 and for 60 domains.

Notation: n mixtures, d domains, s sums over one axis, f features.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray

from mixatlas.space.grid import Grid

FloatArray = NDArray[np.float64]

CELL_FACTOR = 1.1
CONCEPT_FACTOR = 3.0
TASK_FACTOR = 4.4
LOG_FACTOR = 0.3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Features:
    """A fixed map from the simplex to feature space.

    Args:
        sums: Per axis of the grid its indicator matrix of shape (s, d) and its factor; none for
            a space without a grid.
        epsilon: Weight at which the logarithm levels off: far below it, zero and some are alike.
    """

    sums: tuple[tuple[FloatArray, float], ...]
    epsilon: float

    @classmethod
    def on(cls, domains: Sequence[str], *, epsilon: float) -> Self:
        """Build the features of named domains: cells alone, or with the sums of their grid."""
        grid = Grid.of(domains)
        if grid.is_empty:
            return cls(sums=(), epsilon=epsilon)
        return cls(
            sums=((grid.C_cd, CONCEPT_FACTOR), (grid.T_td, TASK_FACTOR)),
            epsilon=epsilon,
        )

    def __call__(self, W_nd: FloatArray) -> torch.Tensor:
        """Map weights of shape (n, d) to features of shape (n, f), float64."""
        return torch.as_tensor(np.concatenate(list(self._blocks(np.clip(W_nd, 0, None))), axis=1))

    def _blocks(self, W_nd: FloatArray) -> Iterator[FloatArray]:
        yield CELL_FACTOR * np.sqrt(W_nd.shape[1] * W_nd)
        for S_sd, factor in self.sums:
            yield factor * np.sqrt(len(S_sd) * (W_nd @ S_sd.T))
        yield LOG_FACTOR * np.log(W_nd + self.epsilon)
