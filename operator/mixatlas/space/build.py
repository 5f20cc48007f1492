"""From what a document says to a space, or to the constraints that contradict each other."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from fractions import Fraction

import numpy as np
from scipy.optimize import linprog

from mixatlas.contract.errors import InfeasibleSpace, SpecError
from mixatlas.contract.mixture import PPM, Mixture
from mixatlas.space.lattice import repair
from mixatlas.space.space import FloatArray, LinearConstraint, MixtureSpace


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """Limits of one domain, as decimal strings."""

    domain: str
    min: str = "0"
    max: str = "1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Limits of the summed weight of domains, given by names or patterns."""

    name: str
    domains: tuple[str, ...]
    min: str = "0"
    max: str = "1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Linear:
    """Limits of a weighted sum of domains; None is no limit."""

    name: str
    terms: tuple[tuple[str, str], ...]
    min: str | None = None
    max: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Limit:
    """One side of a bound, cap or constraint as `a @ w ≤ b` in fractions, with its words."""

    words: str
    a: FloatArray
    b: float


def build_space(
    *,
    tokens: Mapping[str, int],
    bounds: Sequence[Bound] = (),
    groups: Sequence[Group] = (),
    linear: Sequence[Linear] = (),
    max_repeats: str | None = None,
    target_tokens: int | None = None,
) -> MixtureSpace:
    """Build the space of a document.

    Args:
        tokens: Manifest tokens of each domain, positive.
        bounds: Limits of single domains, 0 to 1.
        groups: Limits of sums over domains.
        linear: Limits of weighted sums.
        max_repeats: Epochs that the target run may make over a domain: caps domain `i` at
            max_repeats · tokens_i / target_tokens.
        target_tokens: Tokens of the target run.

    Returns:
        A space with at least one mixture on the lattice. Limits are rounded inward, so that
        they hold exactly.

    Raises:
        SpecError: A name or pattern fits no domain.
        InfeasibleSpace: The limits contradict each other; a minimal contradicting set is named.
    """
    domains = tuple(sorted(tokens))
    limits: list[_Limit] = []
    lower, upper = [0] * len(domains), [PPM] * len(domains)
    if max_repeats is not None and target_tokens is not None:
        for i, domain in enumerate(domains):
            cap = Fraction(max_repeats) * tokens[domain] / target_tokens
            if cap < 1:
                upper[i] = math.floor(cap * PPM)
                words = f"space.maxRepeats {max_repeats} caps {domain} at {float(cap):.6g}"
                limits.append(_side(domains, {domain: Fraction(1)}, cap, words))
    for bound in bounds:
        i = _index(domains, bound.domain, "space.bounds")
        low, high = Fraction(bound.min), Fraction(bound.max)
        lower[i] = max(lower[i], math.ceil(low * PPM))
        upper[i] = min(upper[i], math.floor(high * PPM))
        limits += _sides(domains, {bound.domain: Fraction(1)}, low, high, f"bound {bound.domain}")
    rows = []
    for group in groups:
        members = _members(domains, group)
        terms = {domain: Fraction(1) for domain in members}
        low, high = Fraction(group.min), Fraction(group.max)
        rows.append(_constraint(domains, terms, low, high, f"group {group.name}"))
        limits += _sides(domains, terms, low, high, f"group {group.name}")
    for row in linear:
        terms = {}
        for domain, coefficient in row.terms:
            _index(domains, domain, f"space.linear {row.name}")
            terms[domain] = Fraction(coefficient)
        least = None if row.min is None else Fraction(row.min)
        most = None if row.max is None else Fraction(row.max)
        rows.append(_constraint(domains, terms, least, most, f"linear {row.name}"))
        limits += _sides(domains, terms, least, most, f"linear {row.name}")
    space = MixtureSpace(
        domains=domains,
        tokens=tuple(tokens[domain] for domain in domains),
        natural=Mixture.nearest(dict(sorted(tokens.items()))),
        lower=tuple(lower),
        upper=tuple(upper),
        constraints=tuple(rows),
    )
    _must_not_be_empty(space, limits)
    return space


def _index(domains: tuple[str, ...], name: str, where: str) -> int:
    if name in domains:
        return domains.index(name)
    near = difflib.get_close_matches(name, domains, n=1)
    hint = f"Did you mean `{near[0]}`?" if near else f"There are: {', '.join(domains)}."
    raise SpecError(f"{where}: no domain `{name}`", hint=hint)


def _members(domains: tuple[str, ...], group: Group) -> tuple[str, ...]:
    members: set[str] = set()
    for pattern in group.domains:
        found = [domain for domain in domains if fnmatchcase(domain, pattern)]
        if not found:
            raise SpecError(
                f"space.groups {group.name}: `{pattern}` matches no domain",
                hint=f"There are: {', '.join(domains)}.",
            )
        members.update(found)
    return tuple(sorted(members))


def _constraint(
    domains: tuple[str, ...],
    terms: Mapping[str, Fraction],
    low: Fraction | None,
    high: Fraction | None,
    name: str,
) -> LinearConstraint:
    """Clear denominators, so that membership is decided in integers."""
    common = math.lcm(*(value.denominator for value in terms.values()))
    return LinearConstraint(
        name=name,
        coefficients=tuple(int(terms.get(domain, Fraction(0)) * common) for domain in domains),
        low=None if low is None else math.ceil(low * common * PPM),
        high=None if high is None else math.floor(high * common * PPM),
        unit=common * PPM,
    )


def _side(
    domains: tuple[str, ...],
    terms: Mapping[str, Fraction],
    limit: Fraction,
    words: str,
    sign: int = 1,
) -> _Limit:
    a = np.array([sign * float(terms.get(domain, Fraction(0))) for domain in domains])
    return _Limit(words=words, a=a, b=sign * float(limit))


def _sides(
    domains: tuple[str, ...],
    terms: Mapping[str, Fraction],
    low: Fraction | None,
    high: Fraction | None,
    name: str,
) -> list[_Limit]:
    sides = []
    if low is not None:
        sides.append(_side(domains, terms, low, f"{name} is at least {float(low):.6g}", -1))
    if high is not None:
        sides.append(_side(domains, terms, high, f"{name} is at most {float(high):.6g}"))
    return sides


def _must_not_be_empty(space: MixtureSpace, limits: Sequence[_Limit]) -> None:
    if not _is_feasible(space.d, limits):
        conflict = _minimal_conflict(space.d, limits)
        raise InfeasibleSpace(
            "no mixture meets all of: " + "; ".join(limit.words for limit in conflict),
            hint="Weights are at least 0 and sum to 1. Relax one of these.",
        )
    repair(space, np.full(space.d, 1.0 / space.d))  # raises when no lattice point is inside


def _is_feasible(d: int, limits: Sequence[_Limit]) -> bool:
    """Decide by a linear program (HiGHS) whether weights on the simplex meet the limits."""
    A = np.array([limit.a for limit in limits]).reshape(len(limits), d)
    b = np.array([limit.b for limit in limits])
    answer = linprog(
        np.zeros(d),
        A_ub=A if limits else None,
        b_ub=b if limits else None,
        A_eq=np.ones((1, d)),
        b_eq=[1.0],
        bounds=(0.0, 1.0),
        method="highs",
    )
    return bool(answer.status == 0)


def _minimal_conflict(d: int, limits: Sequence[_Limit]) -> list[_Limit]:
    """Shrink a contradiction to one in which every part is needed.

    The deletion filter of Chinneck and Dravnieks (1991): drop each limit in turn, and keep it
    only when the rest alone would be feasible.
    """
    kept = list(limits)
    for limit in limits:
        rest = [other for other in kept if other is not limit]
        if not _is_feasible(d, rest):
            kept = rest
    return kept
