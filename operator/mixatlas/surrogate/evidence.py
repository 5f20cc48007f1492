"""What runs of elsewhere make expect of mixtures: features whose weight the fit learns.

A source's runs are fitted as a table of their own. What that expects of a mixture, for each of our
benchmarks that the source measures, is one more feature of that benchmark, and of no other. Runs of
a smaller model rank mixtures much like those of a larger one, though not by the same numbers, so
what carries over is a slope; its variance, the trust, is a hyper-parameter (see `kernel`).

Notation: n trials, d domains of ours, r runs and c domains of a source, m benchmarks, j sources,
e expectations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray

from mixatlas.contract.errors import FitFailed
from mixatlas.ledger.evidence import Source
from mixatlas.surrogate.gp import Linearised, Processes
from mixatlas.surrogate.table import learn_table

FloatArray = NDArray[np.float64]

LEAST_SHARED = 1e-3
"""Weight on domains that a source knows, below which it is thought of as at its mean mixture."""
LEAST_SPREAD = 0.1
"""Least spread of an expectation over the trials, in sds of the source's own scores: what hardly
differs between the trials must not differ much elsewhere."""
N_KEPT = 64
"""Fitted sources that a process keeps: every round asks for the same ones."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Expectation:
    """What one source expects.

    Args:
        processes: Of its metrics.
        S_dc: How the weight of our domains is divided over its own.
        mean_c: Its mean mixture.
        benchmarks: Of ours, in the order of the processes.
        local: Stands for the processes around mixtures (see `near`).
    """

    processes: Processes
    S_dc: torch.Tensor
    mean_c: torch.Tensor
    benchmarks: tuple[str, ...]
    local: Linearised | None = None

    def __call__(self, W_nd: torch.Tensor) -> torch.Tensor:
        """Map weights (n, d) to its standardised scores (n, benchmarks)."""
        V_nc, processes = self._there(W_nd), self.processes
        if self.local is not None:
            return torch.as_tensor(self.local.marginals(V_nc.numpy())[0])
        kernel = processes.kernel
        K_mrn = kernel.between(processes.trials, kernel.scaled(processes.features(V_nc)))
        return (processes.alpha_mn[:, None, :] @ K_mrn)[:, 0].T

    def near(self, W_sd: FloatArray) -> _Expectation:
        """Return a cheap stand-in around mixtures."""
        V_sc = self._there(torch.as_tensor(W_sd))
        return replace(self, local=self.processes.near(V_sc.numpy()))

    def _there(self, W_nd: torch.Tensor) -> torch.Tensor:
        """Return where mixtures lie in the source.

        What it does not know is left out and the rest renormalised; where there is no rest they lie
        at its mean mixture.
        """
        V_nc = W_nd @ self.S_dc
        shared_n1 = V_nc.sum(dim=1, keepdim=True)
        # The weight of the mean is 0 where all is shared, and grows without a jump.
        filled_n1 = LEAST_SHARED * (1 - shared_n1).clamp_min(0.0)
        return (V_nc + filled_n1 * self.mean_c) / (shared_n1 + filled_n1)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evidence:
    """Expectations of all sources, standardised over the trials.

    Args:
        sources: Fitted.
        sees_mje: 1 where the expectation e is source j's of benchmark m.
        centre_e: Mean over the trials.
        spread_e: Sd over the trials, bounded from below.
    """

    sources: tuple[_Expectation, ...]
    sees_mje: torch.Tensor
    centre_e: torch.Tensor
    spread_e: torch.Tensor

    @classmethod
    def over(
        cls, sources: Sequence[Source], benchmarks: Sequence[str], W_nd: FloatArray
    ) -> Self | None:
        """Fit sources and standardise what they expect of the trials.

        Args:
            sources: In any order that stays the same in all rounds; `shares` over the domains of
                `W_nd`.
            benchmarks: Of the search. Those that a source does not measure are not its concern.
            W_nd: Weights of the trials, n >= 1.

        Returns:
            None without sources that say something.

        Cost:
            A fit of each source, O(256³) a step, the first time that a process sees it.
        """
        found = [_fitted(source, tuple(benchmarks)) for source in sources]
        fitted = tuple(source for source in found if source is not None)
        if not fitted:
            return None
        sees_mje = torch.zeros(
            len(benchmarks),
            len(fitted),
            sum(len(source.benchmarks) for source in fitted),
            dtype=torch.float64,
        )
        e = 0
        for j, source in enumerate(fitted):
            for name in source.benchmarks:
                sees_mje[benchmarks.index(name), j, e] = 1.0
                e += 1
        E_ne = _expected(fitted, torch.as_tensor(W_nd))
        return cls(
            sources=fitted,
            sees_mje=sees_mje,
            centre_e=E_ne.mean(dim=0),
            spread_e=E_ne.std(dim=0, correction=0).clamp_min(LEAST_SPREAD),
        )

    def __call__(self, W_nd: torch.Tensor) -> torch.Tensor:
        """Map weights (…, n, d) to standardised expectations (…, n, e). Gradients flow.

        They need no bounds: where no run of a source came near, its own features stop.
        """
        E_ne = _expected(self.sources, W_nd.reshape(-1, W_nd.shape[-1]))
        return ((E_ne - self.centre_e) / self.spread_e).reshape(*W_nd.shape[:-1], -1)

    def near(self, W_sd: FloatArray) -> Evidence:
        """Return a cheap stand-in around mixtures, without gradients."""
        return replace(self, sources=tuple(source.near(W_sd) for source in self.sources))


def _expected(sources: Sequence[_Expectation], W_nd: torch.Tensor) -> torch.Tensor:
    return torch.cat([source(W_nd) for source in sources], dim=1)


@lru_cache(N_KEPT)
def _fitted(source: Source, benchmarks: tuple[str, ...]) -> _Expectation | None:
    """Fit a source's metrics; one whose numbers fail expects nothing, and the search goes on."""
    wanted = [name for name in benchmarks if name in source.metrics]
    columns = [source.metrics.index(name) for name in wanted]
    W_rc = np.array(source.weights)
    Y_rm = np.array(source.scores, dtype=np.float64)[:, columns]
    # Any order of the runs gives the same sums.
    order = np.lexsort(np.concatenate([np.nan_to_num(Y_rm).T, W_rc.T]))
    try:
        processes = learn_table(source.domains, W_rc[order], Y_rm[order]).processes
    except FitFailed:
        return None
    return _Expectation(
        processes=processes,
        S_dc=torch.tensor(source.shares, dtype=torch.float64),
        mean_c=torch.as_tensor(W_rc[order].mean(axis=0)),
        benchmarks=tuple(wanted),
    )
