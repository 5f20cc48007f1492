"""Scores ↔ latent values: losses in logarithms, the rest as they are, both standardised.

Larger stays better: a loss v is the score -v and the latent -log v. A power that is learnt may
follow (`power`). Without one a loss is log-normal under a normal latent, so its mean and variance
are closed forms.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from mixatlas.objective.scale import Scale
from mixatlas.surrogate.power import Power, moments_of
from mixatlas.surrogate.standard import centre

FloatArray = NDArray[np.float64]

LEAST_LOSS = 1e-6
"""Losses are raised to this before the logarithm: a loss of exactly 0 says no more."""
LARGEST_VARIANCE = 4.0
"""Cap on a log-loss variance in moments: beyond it a log-normal mean is arithmetic, not belief."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Warp:
    """Maps scores of `m` benchmarks to standardised latents and back.

    Args:
        is_loss_m: Benchmarks whose scores are negated losses.
        shift_m: Mean of the unstandardised latents.
        spread_m: Their sd, positive.
        power: Of what these standardise.
    """

    is_loss_m: NDArray[np.bool_]
    shift_m: FloatArray
    spread_m: FloatArray
    power: Power

    @classmethod
    def fitted(
        cls,
        scale: Scale,
        Y_nm: FloatArray,
        *,
        least_spread_m: FloatArray,
        sem_nm: FloatArray | float = 0.0,
    ) -> Self:
        """Standardise by the measured rows.

        Args:
            scale: Says which benchmarks are losses.
            Y_nm: Scores; NaN = not measured. Each benchmark is measured at least once.
            least_spread_m: Lower bound of the spread, in latent units: the noise.
            sem_nm: Known standard errors of the scores: those known better count more.
        """
        noise_nm = latent_noise_sd(scale, np.broadcast_to(sem_nm, Y_nm.shape), Y_nm) ** 2
        shift_m, spread_m = centre(_latent(scale.is_loss_m, Y_nm), noise_nm)
        spread_m = np.maximum(spread_m, least_spread_m)
        power = Power.none(len(scale.names))
        return cls(is_loss_m=scale.is_loss_m, shift_m=shift_m, spread_m=spread_m, power=power)

    def standardised(self, Y_nm: FloatArray) -> FloatArray:
        """Map scores (…, m) to latents; NaN stays."""
        return self.power.latents((_latent(self.is_loss_m, Y_nm) - self.shift_m) / self.spread_m)

    def scores(self, Z_m: FloatArray) -> FloatArray:
        """Map latents (…, m) back to scores."""
        raw_m = self.power.values(Z_m) * self.spread_m + self.shift_m
        return np.where(self.is_loss_m, -np.exp(np.where(self.is_loss_m, -raw_m, 0.0)), raw_m)

    def moments(self, mean_m: FloatArray, variance_m: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return mean and variance of scores whose latents are normal, each (…, m)."""
        if not self.power.is_none:
            return moments_of(self.scores, mean_m, variance_m)
        mu_m = mean_m * self.spread_m + self.shift_m
        var_m = variance_m * self.spread_m**2
        capped_m = np.minimum(var_m, LARGEST_VARIANCE)
        loss_m = np.exp(np.where(self.is_loss_m, -mu_m, 0.0) + capped_m / 2)
        return (
            np.where(self.is_loss_m, -loss_m, mu_m),
            np.where(self.is_loss_m, np.expm1(capped_m) * loss_m**2, var_m),
        )


def latent_noise_sd(scale: Scale, sd_m: FloatArray, level_m: FloatArray) -> FloatArray:
    """Carry a score's noise sd into unstandardised latents (delta method: sd / loss).

    Args:
        scale: Says which benchmarks are losses.
        sd_m: Noise sd in score units, (…, m).
        level_m: Scores at which it was measured, (…, m).
    """
    loss_m = np.maximum(np.abs(level_m), LEAST_LOSS)
    return np.where(scale.is_loss_m, sd_m / loss_m, sd_m)


def _latent(is_loss_m: NDArray[np.bool_], Y_m: FloatArray) -> FloatArray:
    loss_m = np.maximum(np.where(is_loss_m, -Y_m, 1.0), LEAST_LOSS)
    return np.where(is_loss_m, -np.log(loss_m), Y_m)
