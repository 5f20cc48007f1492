"""How much of a score is luck: seed noise from replicates, pooled over mixtures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

PRIOR_SD_SHARE = 0.1
"""Prior guess of seed sd over the sd across mixtures. On the demo corpus it is .02 to .17."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SeedNoise:
    """Noise of one trial's score.

    Args:
        sd_m: Standard deviation over seeds at one mixture, in the score's unit.
        degrees_of_freedom: Of the least replicated benchmark: replicates beyond each mixture's
            first, plus 1 for the prior.
    """

    sd_m: FloatArray
    degrees_of_freedom: float


def seed_noise(Y_nm: FloatArray, groups: Sequence[Sequence[int]]) -> SeedNoise:
    """Estimate seed noise from the rows that share a mixture.

    The variance is the pooled one within groups, with a prior that weighs as much as one
    observation (a scaled inverse chi-squared with one degree of freedom):
    (prior + Σ squared deviations) / (1 + Σ (group size - 1)). The prior is a tenth of the sd
    over mixtures, so that a search with hardly any replicates still has a noise that is neither
    zero nor everything.

    Args:
        Y_nm: Scores of `n` trials on `m` >= 1 benchmarks; NaN = not measured.
        groups: Rows of each distinct mixture; groups of one say nothing about noise.

    Returns:
        A positive sd a benchmark, also where nothing is replicated.
    """
    m = Y_nm.shape[1]
    squares_m, df_m = np.zeros(m), np.zeros(m)
    centre = np.full((len(groups), m), np.nan)
    for group, rows in enumerate(groups):
        values = Y_nm[list(rows)]
        measured_m = np.isfinite(values).sum(axis=0)
        known_m = measured_m > 0
        centre[group, known_m] = np.nanmean(values[:, known_m], axis=0)
        squares_m += np.nansum((values - centre[group]) ** 2, axis=0)
        df_m += np.maximum(measured_m - 1, 0)
    prior_m = (PRIOR_SD_SHARE * spread(centre)) ** 2
    return SeedNoise(
        sd_m=np.sqrt((prior_m + squares_m) / (1.0 + df_m)),
        degrees_of_freedom=float(df_m.min()) + 1.0,
    )


def spread(Y_gm: FloatArray) -> FloatArray:
    """Return the sd of each column over the measured rows, and 1 where it cannot be known.

    Args:
        Y_gm: Mean scores of `g` mixtures; NaN = not measured.
    """
    sd_m = np.ones(Y_gm.shape[1])
    for column, values in enumerate(Y_gm.T):
        known = values[np.isfinite(values)]
        if known.size > 1 and np.ptp(known) > 0:
            sd_m[column] = known.std(ddof=1)
    return sd_m
