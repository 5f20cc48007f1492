"""Why a space is empty: the smallest set of limits that contradict each other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

from mixatlas.contract.mixture import PPM
from mixatlas.space.space import FloatArray

_MOST_CAPS = 6
"""Repeat caps named one by one; more are named together."""


_MOST_NODES = 200
_PROVEN_INFEASIBLE = 2
"""Status of `scipy.optimize.milp`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """One side of a bound, cap, group or linear constraint: `coefficients · ppm ≤ high`.

    Args:
        words: What it says, with its number, in the document's terms.
        coefficients: Integers, one a domain.
        high: As written, not rounded.
        cap: For a repeat cap: its domain and share. None for all else.
    """

    words: str
    coefficients: tuple[int, ...]
    high: Fraction
    cap: tuple[str, Fraction] | None = None

    @property
    def scale(self) -> int:
        """Largest coefficient in absolute value, at least 1."""
        return max(1, *(abs(c) for c in self.coefficients))

    @property
    def domain(self) -> int | None:
        """Position of the only domain it speaks of; None where there are more, or none."""
        positions = [i for i, c in enumerate(self.coefficients) if c]
        return positions[0] if len(positions) == 1 else None

    @property
    def looseness(self) -> float:
        """How much the limit leaves: what is loose is dropped from a conflict first."""
        return float(self.high / self.scale)


def is_feasible(limits: Sequence[Limit], *, d: int, on_lattice: bool, sums: bool = True) -> bool:
    """Decide whether some weights meet all limits, by a linear or integer program (HiGHS).

    An integer program that is not decided within its node limit counts as feasible. Numbers are
    in ppm, so that the solver's tolerance (1e-7) is far below one part.

    Args:
        limits: One-sided.
        d: Number of domains; weights are at least 0.
        on_lattice: Whether weights must be whole parts.
        sums: Whether weights must sum to one.
    """
    lower, upper = _box(limits, d=d, on_lattice=on_lattice)
    rows = [limit for limit in limits if limit.domain is None]
    if (lower > upper).any() or (sums and not lower.sum() <= PPM <= upper.sum()):
        return False
    if not rows:
        return True
    A = np.array([[c / row.scale for c in row.coefficients] for row in rows])
    high = [Fraction(math.floor(row.high)) if on_lattice else row.high for row in rows]
    b = np.array([float(h / row.scale) for h, row in zip(high, rows, strict=True)])
    whole = [LinearConstraint(np.ones((1, d)), PPM, PPM)] if sums else []
    answer = milp(
        np.zeros(d),
        constraints=[LinearConstraint(A, -np.inf, b), *whole],
        integrality=np.full(d, int(on_lattice)),
        bounds=Bounds(lower, upper),
        options={"node_limit": _MOST_NODES},
    )
    return bool(answer.status != _PROVEN_INFEASIBLE)


def _box(limits: Sequence[Limit], *, d: int, on_lattice: bool) -> tuple[FloatArray, FloatArray]:
    """Return what the limits of single domains leave each of them, in ppm."""
    lower, upper = np.zeros(d), np.full(d, float(PPM))
    for limit in limits:
        i = limit.domain
        if i is None:
            continue
        edge = limit.high / limit.coefficients[i]
        if limit.coefficients[i] > 0:
            upper[i] = min(upper[i], float(math.floor(edge) if on_lattice else edge))
        else:
            lower[i] = max(lower[i], float(math.ceil(edge) if on_lattice else edge))
    return lower, upper


def explain_conflict(limits: Sequence[Limit], *, d: int, on_lattice: bool) -> str:
    """Name a set of limits that contradict each other, none of which can be spared.

    The deletion filter (Chinneck and Dravnieks 1991): drop each limit in turn for good, unless
    the rest alone would be feasible. Loose limits go first, so that few tight ones remain.

    Args:
        limits: A contradictory set.
        d: Number of domains.
        on_lattice: Whether they contradict each other only in whole parts per million.

    Returns:
        Clauses joined by "; ". That weights sum to 1 is said where it is part of the conflict.
    """
    kept = sorted(limits, key=lambda limit: -limit.looseness)
    for limit in tuple(kept):
        rest = [other for other in kept if other is not limit]
        if not is_feasible(rest, d=d, on_lattice=on_lattice):
            kept = rest
    clauses = _clauses([limit for limit in limits if limit in kept])
    if is_feasible(kept, d=d, on_lattice=on_lattice, sums=False):
        clauses.append("weights sum to 1")
    return "; ".join(clauses)


def _clauses(limits: Sequence[Limit]) -> list[str]:
    caps = [limit for limit in limits if limit.cap]
    if len(caps) <= _MOST_CAPS:
        return [limit.words for limit in limits]
    shares = sorted((limit.cap for limit in caps if limit.cap), key=lambda cap: (-cap[1], cap[0]))
    total = sum((share for _, share in shares), Fraction(0))
    largest = ", ".join(f"{domain} {float(share):.4g}" for domain, share in shares[:_MOST_CAPS])
    rule = caps[0].words.split(" caps ")[0]
    together = (
        f"{rule} caps {len(caps)} domains at {float(total):.4g} together (largest: {largest})"
    )
    return [together, *(limit.words for limit in limits if not limit.cap)]
