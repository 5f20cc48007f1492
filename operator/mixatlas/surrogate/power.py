"""A power of each benchmark's values under which its noise and its misses are alike at all levels.

Losses miss more the higher they are: on RegMix's table the size of a miss ranks with the level of
the loss (Spearman .35 to .45; under the power .17 to .19), and without a power the runs that miss
most say most of what matters. Yeo and Johnson's power (2000, eq. 2.1) of the standardised value x
is ((1 + x)^λ - 1) / λ at x >= 0, and -((1 - x)^(2 - λ) - 1) / (2 - λ) below; 1 is none, 0 is
a logarithm upwards, 2 one downwards.

Notation: n runs, m benchmarks, l powers, r nodes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular
from scipy.special import boxcox1p, inv_boxcox1p

from mixatlas.surrogate.standard import centre, counts

FloatArray = NDArray[np.float64]

POWERS_L = np.linspace(0.0, 2.0, 21)
"""Within them every latent belongs to a value."""
OF_ANY, OF_KNOWN = 1.0, 0.3
"""Sds of the prior around 1. A table's metric may be anything, so a logarithm is nearly as likely
as none; a search's losses are in logarithms already, and a power corrects them."""
LEAST_RUNS = 8
"""Measurements below which a power is not asked for."""
BEYOND = 2.0
"""Values lie at most this many times as far from the mean as any that was measured: a normal latent
makes some tail of the values endless."""
NODES_R, WEIGHTS_R = np.polynomial.hermite_e.hermegauss(15)
WEIGHTS_R = WEIGHTS_R / WEIGHTS_R.sum()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Power:
    """Maps standardised values of `m` benchmarks to standardised latents and back.

    Args:
        power_m: λ, 0 to 2.
        shift_m: Mean of the powered values.
        spread_m: Their sd, positive.
        most_m: How far from 0 a value may lie.
    """

    power_m: FloatArray
    shift_m: FloatArray
    spread_m: FloatArray
    most_m: FloatArray

    @classmethod
    def none(cls, m: int) -> Self:
        """Return what changes nothing."""
        one_m = np.ones(m)
        return cls(power_m=one_m, shift_m=0 * one_m, spread_m=one_m, most_m=np.inf * one_m)

    @classmethod
    def learnt(
        cls, X_nm: FloatArray, N_nm: FloatArray, L_mnn: FloatArray, *, power_sd: float
    ) -> Self:
        """Return the likeliest powers.

        The likelihood is that of the powered values under a covariance, whatever their mean and
        scale, times the slope of the power (as Yeo and Johnson 2000, with a covariance).
        Runs that are known badly count less, as `counts` says.

        Args:
            X_nm: Standardised values, NaN = not measured.
            N_nm: Their known noise variances.
            L_mnn: Cholesky factors of the covariances of the runs.
            power_sd: Of the prior: `OF_ANY` or `OF_KNOWN` kind of metrics.
        """
        columns = zip(X_nm.T, counts(X_nm, N_nm).T, L_mnn, strict=True)
        power_m = np.array([_likeliest(*column, power_sd=power_sd) for column in columns])
        slope_nm = _slope(X_nm, power_m)
        shift_m, spread_m = centre(_powered(X_nm, power_m), N_nm * slope_nm**2)
        return cls(
            power_m=power_m,
            shift_m=np.where(power_m == 1.0, 0.0, shift_m),
            spread_m=np.where(power_m == 1.0, 1.0, spread_m),
            most_m=np.where(power_m == 1.0, np.inf, BEYOND * np.nanmax(np.abs(X_nm), axis=0)),
        )

    @property
    def is_none(self) -> bool:
        """Whether nothing changes."""
        return bool((self.power_m == 1.0).all())

    def latents(self, X_m: FloatArray) -> FloatArray:
        """Map values (…, m) to latents; NaN stays."""
        return np.asarray((_powered(X_m, self.power_m) - self.shift_m) / self.spread_m)

    def values(self, Z_m: FloatArray) -> FloatArray:
        """Map latents (…, m) back to values."""
        if self.is_none:
            return Z_m
        G_m = self.shift_m + self.spread_m * Z_m
        size_m, power_m = np.abs(G_m), np.where(G_m < 0, 2.0 - self.power_m, self.power_m)
        # Where a power is below 1, of a latent far out: as far as any value may lie.
        size_m = np.minimum(size_m, boxcox1p(np.minimum(self.most_m, 1e12), power_m))
        return np.asarray(np.copysign(inv_boxcox1p(size_m, power_m), G_m))

    def slope(self, X_m: FloatArray) -> FloatArray:
        """Return what a step in a value (…, m) changes of its latent, positive; NaN stays."""
        return np.asarray(_slope(X_m, self.power_m) / self.spread_m)

    def moments(self, mean_m: FloatArray, variance_m: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return mean and variance of values whose latents are normal, each (…, m)."""
        if self.is_none:
            return mean_m, variance_m
        return moments_of(self.values, mean_m, variance_m)


def moments_of(
    of: Callable[[FloatArray], FloatArray], mean_m: FloatArray, variance_m: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return mean and variance of a function of normals, each (…, m), by Gauss-Hermite nodes."""
    node_r = NODES_R.reshape(-1, *np.ones(mean_m.ndim, dtype=int))
    value_rm = of(mean_m + np.sqrt(variance_m) * node_r)
    value_m = np.tensordot(WEIGHTS_R, value_rm, axes=1)
    return value_m, np.tensordot(WEIGHTS_R, (value_rm - value_m) ** 2, axes=1)


def _powered(X_m: FloatArray, power_m: FloatArray) -> FloatArray:
    powered_m = boxcox1p(np.abs(X_m), np.where(X_m < 0, 2.0 - power_m, power_m))
    return np.asarray(np.copysign(powered_m, X_m))


def _slope(X_m: FloatArray, power_m: FloatArray) -> FloatArray:
    return np.asarray(np.exp((power_m - 1.0) * np.sign(X_m) * np.log1p(np.abs(X_m))))


def _likeliest(x_n: FloatArray, count_n: FloatArray, L_nn: FloatArray, *, power_sd: float) -> float:
    """Return the power (see `Power.learnt`) of one benchmark's values, NaN where not measured."""
    if np.isfinite(x_n).sum() < LEAST_RUNS:
        return 1.0
    total, x_n1 = count_n.sum(), np.where(np.isfinite(x_n), x_n, 0.0)[:, None]
    G_nl = _powered(x_n1, POWERS_L)
    G_nl = np.where(np.isfinite(x_n)[:, None], G_nl - count_n @ G_nl / total, 0.0)
    square_l = (solve_triangular(L_nn, G_nl, lower=True) ** 2).sum(axis=0)
    stretch_l = count_n @ np.log(_slope(x_n1, POWERS_L))
    prior_l = -0.5 * ((POWERS_L - 1.0) / power_sd) ** 2
    # Equal values have no square at all, and no power.
    likelihood_l = stretch_l - 0.5 * total * np.log(np.maximum(square_l, 1e-12))
    return float(POWERS_L[np.argmax(likelihood_l + prior_l)])
