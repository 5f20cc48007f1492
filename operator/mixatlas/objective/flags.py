"""Doubts about benchmarks, each with its number, its threshold and a remedy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from mixatlas.ledger.records import Flag
from mixatlas.objective.noise import SeedNoise, spread
from mixatlas.objective.scale import Benchmark

FloatArray = NDArray[np.float64]

LEAST_CONTRAST = 1.0
"""Least sd over mixtures (noise taken off) in units of the seed sd."""
FALSE_ALARM = 0.05


def find_flags(
    benchmarks: Sequence[Benchmark],
    noise: SeedNoise,
    *,
    Y_gm: FloatArray,
    V_gm: FloatArray,
    n_g: NDArray[np.int64],
) -> tuple[Flag, ...]:
    """Flag benchmarks that cannot tell mixtures apart.

    Args:
        benchmarks: The `m` benchmarks.
        noise: Seed noise of one trial.
        Y_gm: Mean score of each of `g` distinct mixtures of the design; NaN = not measured.
        V_gm: Squared standard error over items of each mean.
        n_g: Trials behind each mean.

    Returns:
        In benchmark order. `AtChance`: even the best mixture of the design lies no further above
        chance than the best of `g` blind ones would (value: its distance in standard errors).
        `NoisyBenchmark`: the sd over mixtures, noise taken off, is below the sd over seeds
        (value: their ratio).
    """
    found: list[Flag] = []
    for column, benchmark in enumerate(benchmarks):
        known_g = np.isfinite(Y_gm[:, column])
        if known_g.sum() < 2:
            continue
        y_g = Y_gm[known_g, column]
        error_g = noise.sd_m[column] ** 2 / n_g[known_g]
        found += _at_chance(benchmark, y_g, error_g + np.nan_to_num(V_gm[known_g, column]))
        found += _noisy(benchmark, y_g, error_g, noise.sd_m[column])
    return tuple(found)


def _at_chance(benchmark: Benchmark, y_g: FloatArray, variance_g: FloatArray) -> list[Flag]:
    distance = float(((y_g - benchmark.sign * benchmark.chance) / np.sqrt(variance_g)).max())
    # The largest of g blind z-scores passes this with the chance of a false alarm: a benchmark
    # that only one mixture teaches is useful, so the mean over mixtures would be too strict.
    threshold = float(norm.ppf((1.0 - FALSE_ALARM) ** (1.0 / len(y_g))))
    if distance > threshold:
        return []
    return [
        Flag(
            benchmark=benchmark.name,
            name="AtChance",
            value=distance,
            threshold=threshold,
            remedy="Give trials more tokens or a better base, use more items, or set weight 0: "
            "no mixture of the design does better here than guessing.",
        )
    ]


def _noisy(
    benchmark: Benchmark, y_g: FloatArray, error_g: FloatArray, seed_sd: float
) -> list[Flag]:
    clean = max(float(spread(y_g[:, None])[0] ** 2 - error_g.mean()), 0.0)
    ratio = float(np.sqrt(clean) / seed_sd) if np.ptp(y_g) > 0 else 0.0
    if ratio >= LEAST_CONTRAST:
        return []
    return [
        Flag(
            benchmark=benchmark.name,
            name="NoisyBenchmark",
            value=ratio,
            threshold=LEAST_CONTRAST,
            remedy="Use more items or more tokens a trial, or lower its weight: seeds differ more "
            "than mixtures do.",
        )
    ]
