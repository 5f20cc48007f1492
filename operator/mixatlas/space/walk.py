"""A random walk inside a polytope, for spaces that rejection would hardly ever hit.

Many chains walk at once. Most moves shift weight between two domains, which is cheap and mixes
fast near the corners of a simplex; the others are hit-and-run moves (Smith 1984) in directions
drawn from the chains' own covariance, which reach where two domains alone cannot go. Checked with
five narrow constraints on 22 and 48 domains: marginals agree with those of walks 3 times as long.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mixatlas.space.hull import Hull
from mixatlas.space.space import FloatArray

_LEAST_CHAINS = 128
"""Enough for a covariance of 64 dimensions; more dimensions have twice their number."""
_OWN_CHAINS = 256
"""Points up to this number come from chains of their own."""
_MOST_CHAINS = 512
_WARM_SWEEPS = 24
"""Sweeps after each of which the directions are learnt anew, while the chains spread out from the
centre; as many follow with the directions fixed. A sweep has a pair move a domain."""
_THIN_SWEEPS = 12
"""Sweeps between two draws of one chain."""
_RIDGE = 1e-9
_TINY = 1e-14


@dataclass(slots=True, kw_only=True, eq=False)
class _Chains:
    """Where `c` chains stand, and what binds them.

    Args:
        W_cd: Positions.
        hull: Directions and constraints.
        lower: Least weights, shape (d,).
        upper: Largest weights, shape (d,).
        pairs: Domains between which weight may move, shape (p, 2).
        odds: Cumulated probabilities of the pairs, shape (p,).
        n_wide: Hit-and-run moves a sweep.
        L_kk: Factor of the covariance that their directions are drawn from.
        rng: Of all draws.
    """

    W_cd: FloatArray
    hull: Hull
    lower: FloatArray
    upper: FloatArray
    pairs: NDArray[np.intp]
    odds: FloatArray
    n_wide: int
    L_kk: FloatArray
    rng: np.random.Generator

    def run(self, sweeps: int) -> None:
        """Move every chain by some sweeps."""
        f = len(self.hull.free)
        for _ in range(sweeps):
            if len(self.pairs):
                self._shift_pairs(f)
            for _ in range(self.n_wide):
                self._hit_and_run()

    def learn_directions(self) -> None:
        """Take the chains' covariance as the law of directions."""
        Y_ck = (self.W_cd - self.W_cd.mean(axis=0)) @ self.hull.N_dk
        k = Y_ck.shape[1]
        covariance = Y_ck.T @ Y_ck / len(Y_ck)
        covariance += np.eye(k) * (_RIDGE * np.trace(covariance) / k + _TINY**2)
        self.L_kk = np.linalg.cholesky(covariance)

    def _shift_pairs(self, n_moves: int) -> None:
        """Move weight from domain i to domain j of a random pair, uniformly in what is allowed."""
        W, chain = self.W_cd, np.arange(len(self.W_cd))
        columns = np.ascontiguousarray(self.hull.A_rd.T)
        room = self.hull.b - W @ columns
        for _ in range(n_moves):
            i, j = self.pairs[np.searchsorted(self.odds, self.rng.random(len(W)))].T
            slope = columns[j] - columns[i]
            w_i, w_j = W[chain, i], W[chain, j]
            high = np.minimum(w_i - self.lower[i], self.upper[j] - w_j)
            low = -np.minimum(w_j - self.lower[j], self.upper[i] - w_i)
            move = self._draw_between(low, high, room, slope)
            W[chain, i] = w_i - move
            W[chain, j] = w_j + move
            room -= slope * move[:, None]

    def _hit_and_run(self) -> None:
        """Move along a random line, uniformly in its part inside the polytope."""
        W, hull = self.W_cd, self.hull
        D = self.rng.standard_normal((len(W), self.L_kk.shape[0])) @ (hull.N_dk @ self.L_kk).T
        D /= np.linalg.norm(D, axis=1, keepdims=True)
        room = np.hstack([hull.b - W @ hull.A_rd.T, self.upper - W, W - self.lower])
        slope = np.hstack([D @ hull.A_rd.T, D, -D])
        unbounded = np.full(len(W), np.inf)
        move = self._draw_between(-unbounded, unbounded, room, slope)
        np.clip(W + move[:, None] * D, self.lower, self.upper, out=W)

    def _draw_between(
        self, low: FloatArray, high: FloatArray, room: FloatArray, slope: FloatArray
    ) -> FloatArray:
        """Draw t uniformly from `low ≤ t ≤ high` with `slope · t ≤ room`; 0 is always inside."""
        if slope.shape[1]:
            ratio = room / np.where(np.abs(slope) > _TINY, slope, np.inf)
            high = np.minimum(high, np.where(slope > _TINY, ratio, np.inf).min(axis=1))
            low = np.maximum(low, np.where(slope < -_TINY, ratio, -np.inf).max(axis=1))
        low, high = np.minimum(low, 0.0), np.maximum(high, 0.0)
        return np.asarray(low + (high - low) * self.rng.random(len(low)))


def walk(
    hull: Hull, n: int, *, lower: FloatArray, upper: FloatArray, rng: np.random.Generator
) -> FloatArray:
    """Draw `n` points of a polytope, as good as uniformly.

    Args:
        hull: The polytope.
        n: Number of points.
        lower: Least weights, shape (d,).
        upper: Largest weights, shape (d,).
        rng: Of all draws.

    Returns:
        Shape (n, d). Up to 256 points come from chains of their own; beyond that a chain gives
        several, a quarter of its warm-up apart.
    """
    k = hull.N_dk.shape[1]
    if k == 0 or n == 0:
        return np.tile(hull.center, (n, 1))
    n_chains = min(max(min(n, _OWN_CHAINS), _LEAST_CHAINS, 2 * k), _MOST_CHAINS)
    pairs, odds = _pairs(hull)
    is_connected = len(pairs) == len(hull.free) * (len(hull.free) - 1) // 2
    chains = _Chains(
        W_cd=np.tile(hull.center, (n_chains, 1)),
        hull=hull,
        lower=lower,
        upper=upper,
        pairs=pairs,
        odds=odds,
        n_wide=max(4, k // 8) if is_connected else max(4, k),
        L_kk=hull.L_kk,
        rng=rng,
    )
    for _ in range(_WARM_SWEEPS):
        chains.run(1)
        chains.learn_directions()
    chains.run(_WARM_SWEEPS)
    draws = [chains.W_cd.copy()]
    while sum(map(len, draws)) < n:
        chains.run(_THIN_SWEEPS)
        draws.append(chains.W_cd.copy())
    return np.concatenate(draws)[:n]


def _pairs(hull: Hull) -> tuple[NDArray[np.intp], FloatArray]:
    """Return the pairs that may exchange weight within the hull, and their cumulated odds.

    Half of the moves take any pair. The other half take each domain equally often, with a
    partner that stands in the same constraints: such moves are never cut short, and without them
    the members of a small group that is held tight would hardly mix among themselves.
    """
    first, second = np.triu_indices(len(hull.free), k=1)
    allowed = (hull.E_ef[:, first] == hull.E_ef[:, second]).all(axis=0)
    first, second = first[allowed], second[allowed]
    A_rf = hull.A_rd[:, hull.free]
    alike = (A_rf[:, first] == A_rf[:, second]).all(axis=0)
    partners = np.bincount(np.concatenate([first[alike], second[alike]]), minlength=len(hull.free))
    weight = np.full(len(first), 1.0 / max(1, len(first)))
    if alike.any():
        own = np.where(alike, 1.0 / np.maximum(1, partners[first]), 0.0)
        weight += own / own.sum()
    odds = np.cumsum(weight / weight.sum()) if len(weight) else weight
    odds[-1:] = 1.0
    return np.stack([hull.free[first], hull.free[second]], axis=1), odds
