"""Several objectives at once: which rows no other beats, and from where their volume is counted.

Notation: n rows, j objectives; larger is better.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

MARGIN = 0.1
"""Of the range, by which the reference point lies below the front's worst values: so much does an
end of the front count for."""


def non_dominated(Y_nj: FloatArray) -> NDArray[np.bool_]:
    """Tell which rows (n,) lie on the Pareto front.

    A row is beaten by one that is at least as good in every objective and better in one. Equal rows
    do not beat each other. A row with a NaN lies on no front and beats none.

    Cost:
        O(n² j) time, O(n j) memory.

    Example:
        >>> non_dominated(np.array([[3.0, 0.0], [1.0, 1.0], [1.0, 0.5], [np.nan, 9.0]])).tolist()
        [True, True, False, False]
    """
    known_n = np.asarray(~np.isnan(Y_nj).any(axis=1))
    on_front_n = known_n.copy()
    for row in np.flatnonzero(known_n):
        as_good_n = (Y_nj >= Y_nj[row]).all(axis=1)
        on_front_n[row] = not (Y_nj[as_good_n] > Y_nj[row]).any()
    return on_front_n


def reference_point(Y_nj: FloatArray) -> FloatArray:
    """Return the point (j,) that hypervolumes are counted from.

    It is the worst value on the front of each objective, less `MARGIN` of the objective's range
    over all rows, or of 1 where all rows are equal.

    Args:
        Y_nj: Rows with a NaN do not count; one has none.
    """
    known_nj = Y_nj[~np.isnan(Y_nj).any(axis=1)]
    range_j = np.ptp(known_nj, axis=0)
    worst_j = known_nj[non_dominated(known_nj)].min(axis=0)
    return np.asarray(worst_j - MARGIN * np.where(range_j > 0, range_j, 1.0))
