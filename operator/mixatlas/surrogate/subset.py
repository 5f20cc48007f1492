"""Some of many rows, chosen so that no order of them and no luck matters."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def evenly(n: int, most: int) -> NDArray[np.int64]:
    """Return positions of `most` of `n` things at even distances; of all where there are fewer."""
    return np.linspace(0, n - 1, min(n, most)).round().astype(np.int64)


def representative(most: int, *columns: FloatArray) -> NDArray[np.int64]:
    """Return, in their order, rows that stand for all: every row, or `most` of them.

    Args:
        most: How many at most.
        columns: What the rows hold, each (n, …): sorted by the last, then by those before it.
    """
    n = len(columns[0])
    if n <= most:
        return np.arange(n)
    order = np.lexsort(np.concatenate([column.T for column in columns]))
    return np.sort(order[evenly(n, most)])
