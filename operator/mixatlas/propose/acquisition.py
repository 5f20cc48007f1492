"""What a mixture is worth trying for: an optimistic objective, times the chance that it counts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import erfcx, logsumexp
from scipy.stats import norm

from mixatlas.space.sampling import sample_uniform
from mixatlas.space.space import MixtureSpace
from mixatlas.surrogate.fantasies import Fantasies
from mixatlas.surrogate.posterior import Draws, ObjectivePosterior

FloatArray = NDArray[np.float64]

REACH = 0.15
N_DRAWS = 64
LEAST_LOG = -700.0
"""Logarithm of an improvement that is none: the least of a float."""
N_RANDOM = 256
"""Random mixtures that say how far a mixture may lie from all trials."""

Turn = Literal["spread", "test", "explore"]
TURNS: tuple[Turn, ...] = ("spread", "test", "explore")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class UpperConfidenceBound:
    """`floor + P(feasible) · (optimistic objective - floor)`, within reach of what was tried.

    Optimistic means √beta posterior sds better, with beta as in BoTorch. The floor is the least
    posterior mean among tried mixtures, so that a mixture that is surely infeasible is worth as
    little as the worst one seen. Out of reach a mixture is worth less than the floor, the less the
    farther: in many dimensions nearly all of the posterior's uncertainty lies in corners that no
    trial comes near, and optimism would walk from corner to corner. The reach moves with the
    trials, so that a good face or corner is come to in steps.

    Args:
        posterior: Of the objective.
        beta: Squared number of sds.
        floor: In objective units.
        reach: Largest doubt (`ObjectivePosterior.optimistic`) of a mixture within reach.
    """

    posterior: ObjectivePosterior
    beta: float
    floor: float
    reach: float

    def __call__(self, W_kd: FloatArray) -> FloatArray:
        """Return the criterion (k,) of mixtures."""
        optimistic_k, doubt_k = self.posterior.optimistic(W_kd, float(np.sqrt(self.beta)))
        chance_k = self.posterior.probability_feasible(W_kd)
        worth_k = self.floor + chance_k * (optimistic_k - self.floor)
        beyond_k = doubt_k - self.reach
        return np.where(beyond_k > 0, np.minimum(worth_k, self.floor) - beyond_k, worth_k)

    def near(self, W_sd: FloatArray) -> UpperConfidenceBound:
        """Return a cheap stand-in around mixtures."""
        return replace(self, posterior=self.posterior.near(W_sd))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LogNoisyExpectedImprovement:
    """log E[max(f(w) - best, 0)] + log P(feasible), within reach of what was tried.

    `best` is the largest objective of the mixtures tried or asked for, which noise hides: the
    expectation is over joint draws of them, in closed form given each (Letham et al. 2019, eq. 6;
    in logarithms, Ament et al. 2023). Pending mixtures are among them, so that a batch spreads.
    Out of reach (see `UpperConfidenceBound`) it falls with the distance.

    Args:
        posterior: Of the objective.
        fantasies: Draws at mixtures tried or asked for that are likely feasible.
        best_k: The largest objective of each draw.
        bound: Says which moves of an ascent to look at.
    """

    posterior: ObjectivePosterior
    fantasies: Fantasies
    best_k: FloatArray
    bound: UpperConfidenceBound

    @classmethod
    def over(
        cls,
        posterior: ObjectivePosterior,
        W_gd: FloatArray,
        *,
        bound: UpperConfidenceBound,
        seed: int,
    ) -> Self:
        """Draw the objectives of mixtures tried or asked for, g >= 1."""
        fantasies = Fantasies.drawn(
            posterior.processes, W_gd, n_draws=N_DRAWS, widening=posterior.widening, seed=seed
        )
        objective_kg = posterior.scale.objective(posterior.warp.scores(fantasies.latent_kgm))
        return cls(
            posterior=posterior,
            fantasies=fantasies,
            best_k=objective_kg.max(axis=1),
            bound=bound,
        )

    def __call__(self, W_qd: FloatArray) -> FloatArray:
        """Return the criterion (q,) of mixtures."""
        mean_kqm, variance_qm, left_qm = self.fantasies.marginals(W_qd)
        slopes_m = self.posterior.scale.slopes_m
        median_kqm = self.posterior.warp.scores(mean_kqm)
        better_kqm = self.posterior.warp.scores(mean_kqm + np.sqrt(variance_qm))
        sd_kq = np.sqrt((better_kqm - median_kqm) ** 2 @ slopes_m**2)
        gain_kq = self.posterior.scale.offset + median_kqm @ slopes_m - self.best_k[:, None]
        log_kq = np.log(sd_kq) + log_improvement(gain_kq / sd_kq)
        chance_q = self.posterior.probability_feasible(W_qd)
        worth_q = logsumexp(log_kq, axis=0) - np.log(len(log_kq))
        worth_q = worth_q + np.log(np.maximum(chance_q, np.exp(LEAST_LOG)))
        beyond_q = self.posterior.doubt(left_qm) - self.bound.reach
        return np.asarray(
            np.where(beyond_q > 0, np.minimum(worth_q, LEAST_LOG) - beyond_q, worth_q)
        )

    def near(self, W_sd: FloatArray) -> UpperConfidenceBound:
        """Return a cheap stand-in around mixtures: what improves is optimistic."""
        return self.bound.near(W_sd)


def log_improvement(u: FloatArray) -> FloatArray:
    """Return log(φ(u) + u Φ(u)), also where u is far below zero.

    Below -1 it is log φ(u) + log(1 + u Φ(u) / φ(u)) with the scaled complementary error function
    (Ament et al. 2023, eq. 9), below -1,000 its limit φ(u) / u².
    """
    direct = norm.pdf(u) + u * norm.cdf(u)
    below = np.clip(u, -1000.0, -1.0)
    ratio = np.sqrt(np.pi / 2) * erfcx(-below / np.sqrt(2))
    middle = norm.logpdf(below) + np.log1p(below * ratio)
    far = norm.logpdf(u) - 2 * np.log(np.abs(u) + 1e-300)
    return np.where(u > -1, np.log(np.maximum(direct, 1e-300)), np.where(u > -1000, middle, far))


def turn_at(n_asked: int) -> Turn:
    """Return what the next mixture is for.

    `explore`: the largest acquisition. Alone it spends every trial where much is unknown, and under
    noise no trial tells much: a search of some 30 trials would end before it tested what it
    believes. `test`: the best mean. Both stay near what is believed best, where mixtures differ in
    few domains, and which domains matter is learnt from mixtures that differ in all. `spread`: a
    quasi-random one. Mean regret over problems of 10 to 30 domains after 32 trials, without and
    with spreading, is in `docs/measurements.md`.

    Args:
        n_asked: Trials asked for so far.
    """
    return TURNS[n_asked % len(TURNS)]


def reach_of(posterior: ObjectivePosterior, space: MixtureSpace, *, seed: int) -> float:
    """Return the largest doubt within reach.

    A fixed one (tried on synthetic problems of 10 and 22 domains), or where the trials are too few
    for that the doubt that 19 of 20 uniformly random mixtures of the space stay below.
    """
    _, doubt_k = posterior.optimistic(sample_uniform(space, N_RANDOM, seed), 0.0)
    return max(REACH, float(np.quantile(doubt_k, 0.95)))


def expected_improvement(draws: Draws, feasible_q: FloatArray) -> float:
    """Return the largest expected gain over the first mixture, the incumbent.

    Args:
        draws: Joint draws, the incumbent first.
        feasible_q: Chance of each mixture to be feasible.
    """
    gain_kq = np.maximum(draws.objective_kq - draws.objective_kq[:, :1], 0.0)
    return float((gain_kq.mean(axis=0) * feasible_q).max())
