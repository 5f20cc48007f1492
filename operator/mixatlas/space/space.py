"""`MixtureSpace`: which mixtures are allowed, decided exactly in integers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mixatlas.contract.mixture import PPM, Mixture

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class LinearConstraint:
    """`low ≤ Σ coefficient · ppm ≤ high`, all integers.

    Args:
        name: For messages, such as `group text-heavy`.
        coefficients: One a domain, in the space's order.
        low: Least value of the sum, or None.
        high: Largest value of the sum, or None.
        unit: What the sum is divided by to be read as a share: PPM times the common denominator
            of the coefficients as they were written.
    """

    name: str
    coefficients: tuple[int, ...]
    low: int | None
    high: int | None
    unit: int = PPM

    def value(self, ppm: tuple[int, ...]) -> int:
        """Return the sum at a mixture."""
        return sum(c * part for c, part in zip(self.coefficients, ppm, strict=True) if c)

    def holds(self, ppm: tuple[int, ...]) -> bool:
        """Tell whether a mixture meets the constraint."""
        value = self.value(ppm)
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)


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
        """Return one sentence for each bound or constraint that a mixture breaks.

        Raises:
            ValueError: The mixture has other domains.
        """
        return tuple(self._violations(mixture))

    def _violations(self, mixture: Mixture) -> Iterator[str]:
        if mixture.domains != self.domains:
            raise ValueError("the mixture is over other domains than the space")
        limits = zip(self.domains, mixture.ppm, self.lower, self.upper, strict=True)
        for domain, part, low, high in limits:
            if not low <= part <= high:
                yield f"{domain} is {part / PPM:.6f}, outside {low / PPM:.6f} to {high / PPM:.6f}"
        for row in self.constraints:
            if not row.holds(mixture.ppm):
                yield f"{row.name} is {row.value(mixture.ppm) / row.unit:.6f}"

    def halfspaces(self) -> tuple[FloatArray, FloatArray]:
        """Return the constraints, bounds left out, as `A @ w ≤ b` in fractions.

        Returns:
            `A` of shape (r, d) and `b` of shape (r,), one row a finite side of a constraint.
        """
        rows, limits = [], []
        for constraint in self.constraints:
            a = np.array(constraint.coefficients, dtype=np.float64)
            scale = np.abs(a).max() or 1.0
            if constraint.high is not None:
                rows.append(a / scale)
                limits.append(constraint.high / PPM / scale)
            if constraint.low is not None:
                rows.append(-a / scale)
                limits.append(-constraint.low / PPM / scale)
        A = np.array(rows, dtype=np.float64).reshape(len(rows), self.d)
        return A, np.array(limits, dtype=np.float64)

    def box(self) -> tuple[FloatArray, FloatArray]:
        """Return lower and upper bounds as fractions, each of shape (d,)."""
        return np.array(self.lower) / PPM, np.array(self.upper) / PPM

    def mixture(self, ppm: NDArray[np.int64]) -> Mixture:
        """Return the mixture of integer parts in the order of `domains`."""
        return Mixture(tuple(zip(self.domains, (int(part) for part in ppm), strict=True)))
