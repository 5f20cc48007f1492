"""How many mixtures are as good as the best, for all that is known: the near-optimal set."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mixatlas.propose.nominate import best_mean
from mixatlas.propose.tried import LIKELY, Tried
from mixatlas.propose.values import DEFAULTS, ProposeSettings
from mixatlas.space.sampling import sample_uniform
from mixatlas.space.space import MixtureSpace
from mixatlas.surrogate.posterior import ObjectivePosterior
from mixatlas.surrogate.threads import single_thread

FloatArray = NDArray[np.float64]

N_SAMPLED = 1024
N_DRAWS = 256
N_WAYS = 64
N_STEPS = 20
"""Of a way from the best to a uniform mixture, short ones first: later in a search few matter."""
N_PROMISING = 8
N_TOGETHER = 64
"""Mixtures drawn at a time with the best: what they share among each other does not matter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NearOptimal:
    """The size of the near-optimal set.

    Args:
        share: Of the space's volume, 0 to 1: of `n_sampled` uniform mixtures those in the set. Its
            standard error is √(share (1 - share) / n_sampled). In many dimensions it is soon too
            small to be hit, and 0.
        reach: How far, on average, one can go from the best towards a uniform mixture of the space
            before one leaves the set, as a share of the way, 0 to 1.
        n_sampled: Uniform mixtures.
        n_tried: Distinct tried mixtures in the set.
        n_eligible: Distinct tried mixtures that were looked at: inside the space, likely feasible.
    """

    share: float
    reach: float
    n_sampled: int
    n_tried: int
    n_eligible: int


def near_optimal(
    space: MixtureSpace,
    posterior: ObjectivePosterior,
    tried: Tried,
    *,
    seed: int,
    settings: ProposeSettings = DEFAULTS,
) -> NearOptimal:
    """Measure the set of mixtures within one standard error of the best.

    The best, b, is the mixture with the highest posterior mean of the objective f among those that
    are feasible with a chance of `LIKELY` or more: of uniform mixtures of the space, of the tried
    ones, and of the end of ascents of the mean from both, within reach of the trials. A mixture w
    is in the set if it is as likely feasible and

        E[f(b) - f(w)] ≤ sd[f(b) - f(w)],

    mean and sd over `N_DRAWS` joint draws of f(b) and f(w), widened like all intervals: what both
    share is no doubt about which is better. So the set holds what is known to be about as good, and
    what is not known well enough to say; with more trials it shrinks.

    Args:
        space: What the share is of.
        posterior: Of the objective.
        tried: The distinct tried mixtures; those not eligible are passed over.
        seed: Source of every random draw.
        settings: `n_pool` and `n_starts` of the ascents.

    Returns:
        Its size; empty where nothing is likely feasible.

    Cost:
        The ascents of a nomination and draws of some 2,300 mixtures: seconds, up to 512 trials.
        Blocks.
    """
    with single_thread():
        W_kd = np.concatenate(
            [sample_uniform(space, N_SAMPLED, seed), tried.W_gd[list(tried.best_eligible)]]
        )
        is_in_k, reach = posterior.probability_feasible(W_kd) >= LIKELY, 0.0
        if is_in_k.any():
            best_d = _best(space, posterior, W_kd[is_in_k], seed=seed, settings=settings)
            near = _Near(posterior=posterior, best_d=best_d, seed=seed)
            is_in_k = near(W_kd)
            reach = _reach(near, W_kd[:N_WAYS])
    return NearOptimal(
        share=float(is_in_k[:N_SAMPLED].mean()),
        reach=reach,
        n_sampled=N_SAMPLED,
        n_tried=int(is_in_k[N_SAMPLED:].sum()),
        n_eligible=len(W_kd) - N_SAMPLED,
    )


def _best(
    space: MixtureSpace,
    posterior: ObjectivePosterior,
    W_kd: FloatArray,
    *,
    seed: int,
    settings: ProposeSettings,
) -> FloatArray:
    """Return the highest mean that is found from likely feasible mixtures on."""
    mean_k, _ = posterior.moments(W_kd)
    promising_kd = W_kd[np.argsort(-mean_k, kind="stable")[:N_PROMISING]]
    floor = float(mean_k.min())
    end = best_mean(space, posterior, promising_kd, floor=floor, seed=seed, settings=settings)
    either_2d = np.array([promising_kd[0], end.fractions])
    mean_2, _ = posterior.moments(either_2d)
    is_end = mean_2[1] > mean_2[0] and posterior.probability_feasible(either_2d)[1] >= LIKELY
    return np.asarray(either_2d[int(is_end)])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Near:
    """The set, as a predicate."""

    posterior: ObjectivePosterior
    best_d: FloatArray
    seed: int

    def __call__(self, W_kd: FloatArray) -> NDArray[np.bool_]:
        """Tell which mixtures (k,) are likely feasible and within one standard error."""
        is_near: list[NDArray[np.bool_]] = []
        for start in range(0, len(W_kd), N_TOGETHER):
            W_bd = np.vstack([self.best_d, W_kd[start : start + N_TOGETHER]])
            draws = self.posterior.draws(W_bd, N_DRAWS, seed=self.seed).objective_kq
            behind = draws[:, :1] - draws[:, 1:]
            # The best is in its own set, whatever the last digits say.
            rounding = 1e-9 * draws[:, 0].std()
            is_near.append(behind.mean(axis=0) <= behind.std(axis=0) + rounding)
        likely_k = self.posterior.probability_feasible(W_kd) >= LIKELY
        return np.asarray(np.concatenate(is_near) & likely_k)


def _reach(near: _Near, W_wd: FloatArray) -> float:
    """Return the mean share of the ways from the best that lies in the set without a gap."""
    part_t = (np.arange(1, N_STEPS + 1) / N_STEPS) ** 2
    way_wtd = near.best_d + part_t[:, None] * (W_wd[:, None] - near.best_d)
    is_in_wt = near(way_wtd.reshape(-1, way_wtd.shape[-1])).reshape(len(W_wd), N_STEPS)
    gained_t = np.diff(part_t, prepend=0.0)
    return float((is_in_wt.cumprod(axis=1) @ gained_t).mean())
