"""Mean and sd of values that are known unequally well."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def centre(Z_nm: FloatArray, noise_nm: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return mean and sd (m,) of values, counted by how well they are known (see `counts`)."""
    count_nm, Z_nm = counts(Z_nm, noise_nm), np.where(np.isfinite(Z_nm), Z_nm, 0.0)
    total_m = count_nm.sum(axis=0)
    shift_m = (count_nm * Z_nm).sum(axis=0) / total_m
    return shift_m, np.sqrt((count_nm * (Z_nm - shift_m) ** 2).sum(axis=0) / total_m)


def counts(Z_nm: FloatArray, noise_nm: FloatArray) -> FloatArray:
    """Return how much each value counts, (n, m): 1 without noise, 0 where it is not there.

    It is T / (T + its noise variance), with T the variance of the better known half: a value that
    is known badly may lie anywhere, and must not set the scale of the others.

    Args:
        Z_nm: Values, NaN = not measured; each column is measured at least once.
        noise_nm: Their known noise variances.
    """
    measured_nm = np.isfinite(Z_nm)
    noise_nm = np.where(measured_nm, noise_nm, np.nan)
    better_nm = noise_nm <= np.nanmedian(noise_nm, axis=0)
    true_m = np.nanvar(np.where(better_nm, Z_nm, np.nan), axis=0)
    all_m = np.nanvar(Z_nm, axis=0)
    # Where these are equal, but for rounding, they tell no scale.
    true_m = np.where(true_m > 1e-12 * all_m, true_m, np.where(all_m > 0, all_m, 1.0))
    return np.where(measured_nm, true_m / (true_m + noise_nm), 0.0)
