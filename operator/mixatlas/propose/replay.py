"""A search over a table of finished runs: what would have been found, had fewer been run.

Notation: n runs tried, k runs of the pool, d domains, m metrics, q runs asked for.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.stats import qmc

from mixatlas.contract.errors import FitFailed
from mixatlas.contract.seeds import seed_for
from mixatlas.propose.acquisition import log_improvement
from mixatlas.surrogate.gp import Processes
from mixatlas.surrogate.table import TablePosterior, learn_table

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pool:
    """Finished runs to search over.

    Args:
        domains: Names of the `d` domains.
        W_kd: Weights.
        Y_km: Metrics, all measured.
        weight_m: The objective is their sum with these weights; larger is better.
        S_km: Known standard errors of the metrics; None where none is known.
    """

    domains: tuple[str, ...]
    W_kd: FloatArray
    Y_km: FloatArray
    weight_m: FloatArray
    S_km: FloatArray | None = None

    @property
    def objective_k(self) -> FloatArray:
        """The objective of every run."""
        return np.asarray(self.Y_km @ self.weight_m)


class Chooser(Protocol):
    """What chooses the next runs."""

    def __call__(self, pool: Pool, tried: Sequence[int], q: int, *, seed: int) -> Sequence[int]:
        """Return `q` distinct rows that are not tried, looking at scores of tried ones alone.

        The seed is the search's, the same at every call.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The best run after some.

    Args:
        trials: Runs tried.
        rank: Runs of the pool that are better; 0 is the best.
        regret: What it lacks to the pool's best, as a share of the pool's range.
    """

    trials: int
    rank: int
    regret: float


def replay(
    pool: Pool, choose: Chooser, *, n_trials: int, n_initial: int, batch: int, seed: int
) -> tuple[Found, ...]:
    """Search the pool.

    Args:
        pool: What may be tried.
        choose: The method.
        n_trials: Runs in all, at most as many as the pool has.
        n_initial: Random ones that it begins with; the same for every method.
        batch: Runs asked for at a time.
        seed: Of the random ones and of the method's draws.

    Returns:
        What was found after the initial runs and after each batch.

    Raises:
        ValueError: The method chose other than `q` distinct rows that were not tried.
    """
    order = np.random.default_rng(seed_for(seed, "design", 0)).permutation(len(pool.W_kd))
    tried = [int(row) for row in order[:n_initial]]
    found = [_found(pool, tried)]
    while len(tried) < n_trials:
        q = min(batch, n_trials - len(tried))
        chosen = list(choose(pool, tuple(tried), q, seed=seed))
        if len(chosen) != q or len({*tried, *chosen}) != len(tried) + q:
            raise ValueError(f"{q} further rows were asked for, and {chosen} chosen")
        tried += chosen
        found.append(_found(pool, tried))
    return tuple(found)


def _found(pool: Pool, tried: Sequence[int]) -> Found:
    objective_k = pool.objective_k
    best = objective_k[list(tried)].max()
    return Found(
        trials=len(tried),
        rank=int((objective_k > best).sum()),
        regret=float((objective_k.max() - best) / max(np.ptp(objective_k), 1e-300)),
    )


def bayesian(pool: Pool, tried: Sequence[int], q: int, *, seed: int) -> Sequence[int]:
    """Take the largest expected improvement, one after the other, each at its mean from then on."""
    rows = list(tried)
    try:
        S_nm = 0.0 if pool.S_km is None else pool.S_km[rows]
        posterior = learn_table(pool.domains, pool.W_kd[rows], pool.Y_km[rows], S_nm)
    except FitFailed:
        return random(pool, tried, q, seed=seed)
    processes, weight_m = posterior.processes, pool.weight_m
    best = _moments(processes, posterior, weight_m, pool.W_kd[rows])[0].max()
    untried = np.setdiff1d(np.arange(len(pool.W_kd)), rows)
    chosen: list[int] = []
    while len(chosen) < q:
        mean_k, sd_k = _moments(processes, posterior, weight_m, pool.W_kd[untried])
        top = int((np.log(sd_k) + log_improvement((mean_k - best) / sd_k)).argmax())
        chosen.append(int(untried[top]))
        processes = processes.observing(pool.W_kd[untried[[top]]])
        untried = np.delete(untried, top)
    return chosen


def random(pool: Pool, tried: Sequence[int], q: int, *, seed: int) -> Sequence[int]:
    """Take any."""
    untried = np.setdiff1d(np.arange(len(pool.W_kd)), list(tried))
    rng = np.random.default_rng(seed_for(seed, "propose", len(tried)))
    return [int(row) for row in rng.permutation(untried)[:q]]


def sobol(pool: Pool, tried: Sequence[int], q: int, *, seed: int) -> Sequence[int]:
    """Take those nearest to the next of one quasi-random sequence, uniform over the simplex."""
    sequence = qmc.Sobol(len(pool.domains), seed=seed).fast_forward(len(tried))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a part of the sequence is not balanced
        points_qd = sequence.random(q)
    target_qd = -np.log(np.clip(1 - points_qd, 1e-12, None))
    target_qd /= target_qd.sum(axis=1, keepdims=True)
    untried = np.setdiff1d(np.arange(len(pool.W_kd)), list(tried))
    chosen: list[int] = []
    for target_d in target_qd:
        top = int(np.abs(pool.W_kd[untried] - target_d).sum(axis=1).argmin())
        chosen.append(int(untried[top]))
        untried = np.delete(untried, top)
    return chosen


METHODS: Mapping[str, Chooser] = {"Bayesian": bayesian, "Sobol": sobol, "Random": random}


def _moments(
    processes: Processes, posterior: TablePosterior, weight_m: FloatArray, W_kd: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return mean and sd (k,) of the objective, noise aside."""
    mean_km, variance_km = processes.marginals(W_kd)
    slope_m = weight_m * posterior.spread_m
    return posterior.shift_m @ weight_m + mean_km @ slope_m, np.sqrt(variance_km @ slope_m**2)
