"""Mixtures and their rounding."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixatlas.contract.mixture import PPM, Mixture, largest_remainder

SHARES = st.dictionaries(
    st.text("abcdef", min_size=1, max_size=4), st.integers(0, 10**12), min_size=1, max_size=64
).filter(lambda shares: sum(shares.values()) > 0)


@given(SHARES)
def test_rounding_sums_exactly_and_stays_within_one(shares: dict[str, int]) -> None:
    parts = largest_remainder(shares)
    assert sum(parts.values()) == PPM
    total = sum(shares.values())
    for name, share in shares.items():
        assert abs(parts[name] - Fraction(share * PPM, total)) < 1
        assert parts[name] == 0 or share > 0


@given(SHARES, st.randoms())
def test_rounding_ignores_order(shares: dict[str, int], rng) -> None:  # type: ignore[no-untyped-def]
    names = list(shares)
    rng.shuffle(names)
    assert largest_remainder({n: shares[n] for n in names}) == largest_remainder(shares)


@pytest.mark.parametrize(
    "parts",
    [
        (("a", PPM - 1),),
        (("b", PPM // 2), ("a", PPM // 2)),
        (("a", PPM + 1), ("b", -1)),
        (("a", PPM // 2), ("a", PPM // 2)),
    ],
    ids=["sum", "unsorted", "negative", "twice"],
)
def test_what_is_no_mixture_is_refused(parts: tuple[tuple[str, int], ...]) -> None:
    with pytest.raises(ValueError, match="mixture"):
        Mixture(parts)


def test_zeros_do_not_change_the_digest() -> None:
    plain = Mixture.of({"a": 400_000, "b": 600_000})
    assert Mixture.of({"a": 400_000, "b": 600_000, "c": 0}).digest == plain.digest


def test_distance_is_total_variation() -> None:
    a = Mixture.of({"a": PPM, "b": 0})
    b = Mixture.of({"a": 750_000, "b": 250_000})
    assert a.distance(b) == 0.25
