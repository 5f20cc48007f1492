"""How many mixtures are as good as the best, for all that is known: the near-optimal set."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mixatlas.contract.mixture import Mixture
from mixatlas.ledger.records import NearOptimal
from mixatlas.propose.tried import LIKELY, Tried
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
N_TOGETHER = 64
"""Mixtures drawn at a time with the best: what they share among each other does not matter."""


def near_optimal(
    space: MixtureSpace,
    posterior: ObjectivePosterior,
    tried: Tried,
    end: Mixture,
    *,
    seed: int,
) -> NearOptimal:
    """Measure the set of mixtures within one standard error of the best.

    The best, b, is the mixture with the highest posterior mean of the objective f among those that
    are feasible with a chance of `LIKELY` or more: of uniform mixtures of the space, of the tried
    ones, and of the end of an ascent. A mixture w is in the set if it is as likely feasible and

        E[f(b) - f(w)] ≤ sd[f(b) - f(w)],

    mean and sd over `N_DRAWS` joint draws of f(b) and f(w), widened like all intervals: what both
    share is no doubt about which is better. So the set holds what is known to be about as good, and
    what is not known well enough to say; with more trials it shrinks.

    Args:
        space: What the share is of.
        posterior: Of the objective.
        tried: The distinct tried mixtures; those not eligible are passed over.
        end: Of the best ascent of the mean over the space (see `best_mean`).
        seed: Source of every random draw.

    Returns:
        Its size; empty where nothing is likely feasible.

    Cost:
        Draws of some 2,300 mixtures and the tried ones: a second, up to 512 trials. Blocks.
    """
    with single_thread():
        W_kd = np.concatenate(
            [sample_uniform(space, N_SAMPLED, seed), tried.W_gd[list(tried.best_eligible)]]
        )
        best_d = _best(posterior, np.vstack([W_kd, end.fractions]))
        is_in_k, reach = np.zeros(len(W_kd), dtype=bool), 0.0
        if best_d is not None:
            near = _Near(posterior=posterior, best_d=best_d, seed=seed)
            is_in_k, reach = near(W_kd), _reach(near, W_kd[:N_WAYS])
    return NearOptimal(
        share=float(is_in_k[:N_SAMPLED].mean()),
        reach=reach,
        sampled=N_SAMPLED,
        tried=int(is_in_k[N_SAMPLED:].sum()),
        eligible=len(W_kd) - N_SAMPLED,
    )


def _best(posterior: ObjectivePosterior, W_kd: FloatArray) -> FloatArray | None:
    """Return the likely feasible mixture with the highest mean, None where there is none."""
    likely_kd = W_kd[posterior.probability_feasible(W_kd) >= LIKELY]
    if not len(likely_kd):
        return None
    mean_k, _ = posterior.moments(likely_kd)
    return np.asarray(likely_kd[mean_k.argmax()])


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
    # What is gained may sum to a last digit above 1.
    return min(1.0, float((is_in_wt.cumprod(axis=1) @ gained_t).mean()))
