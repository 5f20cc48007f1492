"""`MixtureSpace`: which mixtures are allowed, decided exactly in integers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Self

import numpy as np
from numpy.typing import NDArray

from mixatlas.contract.mixture import PPM, Mixture

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class LinearConstraint:
    """`low ≤ Σ coefficient · ppm ≤ high`, all integers.

    Args:
        name: For messages, such as `group text-heavy`.
        coefficients: One a domain, in the space's order.
        low: Least value of the sum, or None.
        high: Largest value of the sum, or None.
        unit: What the sum is divided by to be read as a share: PPM times the factor that made
            the coefficients whole numbers without a common divisor.
    """

    name: str
    coefficients: tuple[int, ...]
    low: int | None
    high: int | None
    unit: Fraction = Fraction(PPM)

    @property
    def scale(self) -> int:
        """Largest coefficient in absolute value, at least 1: what float copies are divided by."""
        return max(1, *(abs(c) for c in self.coefficients))

    def value(self, ppm: tuple[int, ...]) -> int:
        """Return the sum at a mixture."""
        return sum(c * part for c, part in zip(self.coefficients, ppm, strict=True) if c)

    def holds(self, ppm: tuple[int, ...]) -> bool:
        """Tell whether a mixture meets the constraint."""
        return self.broken_limit(ppm) is None

    def broken_limit(self, ppm: tuple[int, ...]) -> int | None:
        """Return the limit that a mixture breaks, or None."""
        value = self.value(ppm)
        if self.low is not None and value < self.low:
            return self.low
        if self.high is not None and value > self.high:
            return self.high
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class MixtureSpace:
    """A non-empty polytope on the simplex. Build it with `build_space`.

    Args:
        domains: The `d` domains, sorted by name.
        tokens: Manifest tokens of each domain.
        natural: The tokens' shares. It may lie outside the space.
        lower: Least ppm of each domain.
        upper: Largest ppm of each domain: bounds and repeat caps, rounded inward.
        constraints: Groups and linear constraints.
    """

    domains: tuple[str, ...]
    tokens: tuple[int, ...]
    natural: Mixture
    lower: tuple[int, ...]
    upper: tuple[int, ...]
    constraints: tuple[LinearConstraint, ...] = ()

    @classmethod
    def of(cls, *domains: str) -> Self:
        """Return the whole simplex over domains of equal size.

        Example:
            >>> MixtureSpace.of("photo", "chart").natural.parts
            (('chart', 500000), ('photo', 500000))
        """
        d = len(domains)
        return cls(
            domains=tuple(sorted(domains)),
            tokens=(1,) * d,
            natural=Mixture.nearest(dict.fromkeys(domains, 1)),
            lower=(0,) * d,
            upper=(PPM,) * d,
        )

    @property
    def d(self) -> int:
        """Number of domains."""
        return len(self.domains)

    @property
    def uniform(self) -> Mixture:
        """Equal weights. It may lie outside the space."""
        return Mixture.nearest(dict.fromkeys(self.domains, 1))

    def contains(self, mixture: Mixture) -> bool:
        """Tell whether a mixture meets every bound and constraint exactly.

        Raises:
            ValueError: The mixture has other domains.
        """
        return next(self._violations(mixture), None) is None

    def violations(self, mixture: Mixture) -> tuple[str, ...]:
        """Return one clause for each bound or constraint that a mixture breaks.

        Raises:
            ValueError: The mixture has other domains.
        """
        return tuple(self._violations(mixture))

    def _violations(self, mixture: Mixture) -> Iterator[str]:
        if mixture.domains != self.domains:
            raise ValueError("the mixture is over other domains than the space")
        limits = zip(self.domains, mixture.ppm, self.lower, self.upper, strict=True)
        for domain, part, low, high in limits:
            if part < low:
                yield f"{domain} is {part / PPM:.6f}, below {low / PPM:.6f}"
            elif part > high:
                yield f"{domain} is {part / PPM:.6f}, above {high / PPM:.6f}"
        for row in self.constraints:
            limit = row.broken_limit(mixture.ppm)
            if limit is not None:
                value = row.value(mixture.ppm)
                side = "below" if value < limit else "above"
                share, bound = float(value / row.unit), float(limit / row.unit)
                yield f"{row.name} is {share:.6f}, {side} {bound:.6f}"

    def halfspaces(self) -> tuple[FloatArray, FloatArray]:
        """Return the constraints, bounds left out, as `A @ w ≤ b` on weights that sum to 1.

        Returns:
            `A` of shape (r, d), its largest entry a row ±1, and `b` of shape (r,): one row a
            finite side of a constraint.
        """
        rows, limits = [], []
        for constraint in self.constraints:
            scale = constraint.scale
            a = np.array([c / scale for c in constraint.coefficients])
            if constraint.high is not None:
                rows.append(a)
                limits.append(constraint.high / (PPM * scale))
            if constraint.low is not None:
                rows.append(-a)
                limits.append(-constraint.low / (PPM * scale))
        A = np.array(rows, dtype=np.float64).reshape(len(rows), self.d)
        return A, np.array(limits, dtype=np.float64)

    def box(self) -> tuple[FloatArray, FloatArray]:
        """Return lower and upper bounds as fractions, each of shape (d,)."""
        return np.array(self.lower) / PPM, np.array(self.upper) / PPM

    def mixture(self, ppm: IntArray) -> Mixture:
        """Return the mixture of integer parts in the order of `domains`."""
        return Mixture(tuple(zip(self.domains, (int(part) for part in ppm), strict=True)))
