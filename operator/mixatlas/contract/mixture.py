"""A mixture: one point on the simplex over domains, in integer parts per million."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from mixatlas.contract.canonical import canonical_json, sha256_hex

PPM = 1_000_000
"""One whole. Weights are integers in parts of it and sum to exactly this number."""


def largest_remainder(
    shares: Mapping[str, int | float | Fraction], total: int = PPM
) -> dict[str, int]:
    """Round shares to integers that sum to `total` exactly.

    Args:
        shares: Non-negative amounts in any unit; at least one is positive.
        total: What the result sums to.

    Returns:
        An integer a name, in the order of `shares`; each within 1 of its exact share. Left-over
        units go to the largest remainders, ties to the smaller name.

    Raises:
        ValueError: A share is negative or not finite, or all are zero.

    Example:
        >>> largest_remainder({"a": 1, "b": 1, "c": 1})
        {'a': 333334, 'b': 333333, 'c': 333333}
    """
    exact = {name: Fraction(share) for name, share in shares.items()}
    whole = sum(exact.values(), Fraction(0))
    if whole <= 0 or any(share < 0 for share in exact.values()):
        raise ValueError("shares must be non-negative with a positive sum")
    scaled = {name: share * total / whole for name, share in exact.items()}
    parts = {name: int(share) for name, share in scaled.items()}
    by_remainder = sorted(scaled, key=lambda name: (parts[name] - scaled[name], name))
    for name in by_remainder[: total - sum(parts.values())]:
        parts[name] += 1
    return parts


@dataclass(frozen=True, slots=True)
class Mixture:
    """Weights of named domains that sum to exactly one million.

    Args:
        parts: (domain, parts per million) for every domain of the space, zeros included,
            sorted by name. A weight is a share of manifest tokens.

    Raises:
        ValueError: Names repeat or are unsorted, a weight is negative, or the sum is off.
    """

    parts: tuple[tuple[str, int], ...]

    def __post_init__(self) -> None:
        names = self.domains
        if list(names) != sorted(set(names)):
            raise ValueError("domains of a mixture must be unique and sorted by name")
        if any(part < 0 for _, part in self.parts) or sum(part for _, part in self.parts) != PPM:
            raise ValueError("weights of a mixture must be non-negative and sum to 1,000,000 ppm")

    @classmethod
    def of(cls, parts: Mapping[str, int] | Iterable[tuple[str, int]]) -> Mixture:
        """Build a mixture from names and parts per million in any order."""
        return cls(tuple(sorted(dict(parts).items())))

    @classmethod
    def nearest(cls, shares: Mapping[str, int | float | Fraction]) -> Mixture:
        """Build the mixture nearest to real shares, by largest remainder."""
        return cls.of(largest_remainder(shares))

    @property
    def domains(self) -> tuple[str, ...]:
        """Names of all domains, zeros included."""
        return tuple(name for name, _ in self.parts)

    @property
    def ppm(self) -> tuple[int, ...]:
        """Parts per million in the order of `domains`."""
        return tuple(part for _, part in self.parts)

    @property
    def fractions(self) -> tuple[float, ...]:
        """Weights as floats in 0 to 1, in the order of `domains`."""
        return tuple(part / PPM for _, part in self.parts)

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical mixture, zeros left out."""
        return sha256_hex(canonical_json(self.to_plain()))

    def to_plain(self) -> list[dict[str, int | str]]:
        """Return `[{domain, ppm}]` sorted by name, zeros left out: the form of a trial file."""
        return [{"domain": name, "ppm": part} for name, part in self.parts if part]

    def distance(self, other: Mixture) -> float:
        """Return the total variation distance to a mixture over the same domains, 0 to 1."""
        return sum(abs(a - b) for a, b in zip(self.ppm, other.ppm, strict=True)) / (2 * PPM)
