"""The points that a new one must keep away from, and how many sparse ones may join them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from mixatlas.contract.mixture import PPM, Mixture
from mixatlas.space.space import IntArray, MixtureSpace

LEAST_DISTANCE = 0.005
"""Total variation between any two points, unless one is meant as a replicate."""
_VANISHES = 20
"""A weight has vanished when it is under one in this many of what uniform and natural give."""
_MOST_VANISHED = 4
"""A mixture is sparse when more than one in this many of its weights has vanished."""


def is_apart(mixture: Mixture, others: Sequence[Mixture], least: float = LEAST_DISTANCE) -> bool:
    """Tell whether a mixture keeps its distance (total variation) from all others."""
    return Crowd(others).admits(mixture, least)


def is_sparse(space: MixtureSpace, mixture: Mixture) -> bool:
    """Tell whether much of a mixture has vanished, as in a Dirichlet of concentration under 1.

    Such points say little about how domains trade against each other. Domains that the space
    itself keeps that small are not counted.

    Example:
        >>> space = MixtureSpace.of("a", "b", "c", "d")
        >>> is_sparse(space, Mixture.nearest({"a": 0.7, "b": 0.3, "c": 0, "d": 0}))
        True
    """
    pairs = zip(space.natural.ppm, space.uniform.ppm, strict=True)
    least = np.array([min(pair) / _VANISHES for pair in pairs])
    counted = np.array(space.upper) >= least
    vanished = counted & (np.array(mixture.ppm) < least)
    return bool(vanished.sum() * _MOST_VANISHED > counted.sum())


class Crowd:
    """Mixtures over the same domains, for many distance checks.

    Args:
        mixtures: Those that are there already; they may lie close to each other.
    """

    def __init__(self, mixtures: Iterable[Mixture] = ()) -> None:
        self._rows: list[IntArray] = []
        for mixture in mixtures:
            self.add(mixture)

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, mixture: Mixture) -> None:
        """Take in a mixture, near or not."""
        self._rows.append(np.array(mixture.ppm, dtype=np.int64))

    def admits(self, mixture: Mixture, least: float = LEAST_DISTANCE) -> bool:
        """Tell whether a mixture is at least `least` in total variation from all."""
        if not self._rows:
            return True
        differences = np.abs(np.array(self._rows) - np.array(mixture.ppm, dtype=np.int64))
        return bool(differences.sum(axis=1).min() >= round(2 * PPM * least))
