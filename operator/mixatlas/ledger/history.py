"""The array view of a ledger: what the surrogate learns from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mixatlas.contract.mixture import Mixture
from mixatlas.ledger.evidence import Source

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class History:
    """Finished trials as arrays, in the order of their numbers.

    Args:
        domains: The `d` domains, sorted by name.
        benchmarks: The `m` benchmarks, in the objective's order.
        trials: Numbers of the `n` finished trials.
        mixtures: What was asked for, `n` of them; replicates repeat.
        W_nd: Realised token shares, rows on the simplex; the mixture's where none are known.
        Y_nm: Scores, larger is better (losses are negated); NaN = not measured or diverged.
        V_nm: Squared standard error of each score over items; NaN where `Y_nm` is.
        diverged_n: Trials that diverged: infeasible points, not low scores.
        evidence: Runs of elsewhere that may tell which mixtures are good.
    """

    domains: tuple[str, ...]
    benchmarks: tuple[str, ...]
    trials: tuple[int, ...]
    mixtures: tuple[Mixture, ...]
    W_nd: FloatArray
    Y_nm: FloatArray
    V_nm: FloatArray
    diverged_n: NDArray[np.bool_]
    evidence: tuple[Source, ...] = ()

    @classmethod
    def empty(cls, domains: tuple[str, ...], benchmarks: tuple[str, ...]) -> History:
        """Return a history without trials."""
        return cls(
            domains=domains,
            benchmarks=benchmarks,
            trials=(),
            mixtures=(),
            W_nd=np.zeros((0, len(domains))),
            Y_nm=np.zeros((0, len(benchmarks))),
            V_nm=np.zeros((0, len(benchmarks))),
            diverged_n=np.zeros(0, dtype=bool),
        )

    @property
    def n(self) -> int:
        """Number of finished trials."""
        return len(self.trials)

    def groups(self) -> dict[Mixture, tuple[int, ...]]:
        """Return the rows of each distinct mixture: more than one row is a replicate."""
        rows: dict[Mixture, tuple[int, ...]] = {}
        for row, mixture in enumerate(self.mixtures):
            rows[mixture] = (*rows.get(mixture, ()), row)
        return rows
