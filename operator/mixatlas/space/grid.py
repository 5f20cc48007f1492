"""The grid behind the domains: which cells share a concept, which a task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mixatlas.space.space import FloatArray

SEPARATORS = ".:/"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Grid:
    """Concepts and tasks of domains named `CONCEPT.TASK`, or with `:` or `/` for the dot.

    Args:
        concepts: Names, sorted.
        tasks: Names, sorted.
        C_cd: 1 where domain d belongs to concept c, of shape (concepts, d).
        T_td: 1 where domain d belongs to task t, of shape (tasks, d).
    """

    concepts: tuple[str, ...]
    tasks: tuple[str, ...]
    C_cd: FloatArray
    T_td: FloatArray

    @classmethod
    def of(cls, domains: Sequence[str]) -> Grid:
        """Read the grid from names; without one and the same separator in each there is none."""
        split = ([tuple(name.split(separator)) for name in domains] for separator in SEPARATORS)
        parts = next((found for found in split if all(len(part) == 2 for part in found)), [])
        concepts = tuple(sorted({part[0] for part in parts}))
        tasks = tuple(sorted({part[1] for part in parts}))
        d = len(domains)
        C = [[float(part[0] == concept) for part in parts] for concept in concepts]
        T = [[float(part[1] == task) for part in parts] for task in tasks]
        return cls(
            concepts=concepts,
            tasks=tasks,
            C_cd=np.array(C, dtype=np.float64).reshape(len(concepts), d),
            T_td=np.array(T, dtype=np.float64).reshape(len(tasks), d),
        )

    @property
    def sums_sd(self) -> FloatArray:
        """Indicators (s, d) of the concepts and tasks that say more than cells do.

        None of a single cell, which is there already, or of all, whose sum is constant.
        """
        S_sd = np.concatenate([self.C_cd, self.T_td])
        size_s = S_sd.sum(axis=1)
        return np.asarray(S_sd[(size_s > 1) & (size_s < S_sd.shape[1])])

    @property
    def is_empty(self) -> bool:
        """Whether the names tell no grid."""
        return not self.concepts
