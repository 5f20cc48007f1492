"""From what a document says to a space, or to the limits that contradict each other."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from fractions import Fraction

import numpy as np

from mixatlas.contract.errors import InfeasibleSpace, SpecError
from mixatlas.contract.mixture import PPM, Mixture
from mixatlas.space.conflict import Limit, explain_conflict, is_feasible
from mixatlas.space.lattice import repair
from mixatlas.space.space import LinearConstraint, MixtureSpace


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """Limits of one domain, as decimal strings."""

    domain: str
    min: str = "0"
    max: str = "1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Limits of the summed weight of domains, given by names or patterns like `document.*`."""

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
class _Row:
    """A bound, group or linear constraint with its numbers read: `low ≤ Σ terms · w ≤ high`."""

    path: str
    name: str
    terms: Mapping[str, Fraction]
    low: Fraction | None
    high: Fraction | None


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
            max_repeats · tokens_i / target_tokens. Has no effect without `target_tokens`.
        target_tokens: Tokens of the target run.

    Returns:
        A space with at least one mixture on the lattice, the same for any order of the
        arguments' entries but for the order of its constraints. Limits are rounded inward, so
        that they hold exactly.

    Raises:
        SpecError: A name or pattern fits no domain, a domain stands twice in one constraint, or
            a domain has no tokens.
        InfeasibleSpace: The limits contradict each other; a minimal contradicting set is named.

    Example:
        >>> space = build_space(
        ...     tokens={"photo.caption": 300, "chart.ocr": 100},
        ...     bounds=[Bound(domain="chart.ocr", min="0.1")],
        ...     max_repeats="4",
        ...     target_tokens=1000,
        ... )
        >>> space.domains, space.lower, space.upper
        (('chart.ocr', 'photo.caption'), (100000, 0), (400000, 1000000))
    """
    domains = tuple(sorted(tokens))
    for domain in domains:
        if tokens[domain] <= 0:
            raise SpecError(
                f"domain {domain} holds no tokens", hint="Leave it out, or pack samples for it."
            )
    bound_rows = [_bound_row(domains, bound) for bound in bounds]
    wide_rows = [_group_row(domains, group) for group in groups]
    wide_rows += [_linear_row(domains, row) for row in linear]
    caps = _caps(tokens, max_repeats, target_tokens)
    limits = _cap_limits(domains, caps, max_repeats)
    for row in (*bound_rows, *wide_rows):
        limits += _limits_of(domains, row)
    lower, upper = _box(domains, bound_rows, caps)
    space = MixtureSpace(
        domains=domains,
        tokens=tuple(tokens[domain] for domain in domains),
        natural=Mixture.nearest(dict(sorted(tokens.items()))),
        lower=lower,
        upper=upper,
        constraints=tuple(_constraint(domains, row) for row in wide_rows),
    )
    _must_not_be_empty(space, limits)
    return space


def _bound_row(domains: Sequence[str], bound: Bound) -> _Row:
    _must_exist(domains, bound.domain, "space.bounds")
    return _Row(
        path="space.bounds",
        name=bound.domain,
        terms={bound.domain: Fraction(1)},
        low=Fraction(bound.min),
        high=Fraction(bound.max),
    )


def _group_row(domains: Sequence[str], group: Group) -> _Row:
    members: set[str] = set()
    for pattern in group.domains:
        found = [domain for domain in domains if fnmatchcase(domain, pattern)]
        if not found:
            raise SpecError(
                f"space.groups {group.name}: `{pattern}` matches no domain",
                hint=_near(domains, pattern),
            )
        members.update(found)
    return _Row(
        path="space.groups",
        name=group.name,
        terms={domain: Fraction(1) for domain in sorted(members)},
        low=Fraction(group.min),
        high=Fraction(group.max),
    )


def _linear_row(domains: Sequence[str], row: Linear) -> _Row:
    terms: dict[str, Fraction] = {}
    for domain, coefficient in row.terms:
        _must_exist(domains, domain, f"space.linear {row.name}")
        if domain in terms:
            raise SpecError(
                f"space.linear {row.name}: `{domain}` stands twice",
                hint="Give each domain one coefficient.",
            )
        terms[domain] = Fraction(coefficient)
    return _Row(
        path="space.linear",
        name=row.name,
        terms=terms,
        low=None if row.min is None else Fraction(row.min),
        high=None if row.max is None else Fraction(row.max),
    )


def _must_exist(domains: Sequence[str], name: str, where: str) -> None:
    if name not in domains:
        raise SpecError(f"{where}: no domain `{name}`", hint=_near(domains, name))


def _near(domains: Sequence[str], name: str) -> str:
    near = difflib.get_close_matches(name, domains, n=1)
    return f"Did you mean `{near[0]}`?" if near else f"There are: {', '.join(domains)}."


def _caps(
    tokens: Mapping[str, int], max_repeats: str | None, target_tokens: int | None
) -> dict[str, Fraction]:
    """Return the share that repeating allows each domain, where it is under 1."""
    if max_repeats is None or target_tokens is None:
        return {}
    shares = {name: Fraction(max_repeats) * n / target_tokens for name, n in tokens.items()}
    return {name: share for name, share in shares.items() if share < 1}


def _box(
    domains: Sequence[str], bounds: Iterable[_Row], caps: Mapping[str, Fraction]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Combine bounds and caps to whole parts, rounded inward."""
    lower = dict.fromkeys(domains, Fraction(0))
    upper = dict.fromkeys(domains, Fraction(1)) | dict(caps)
    for row in bounds:
        lower[row.name] = max(lower[row.name], row.low or Fraction(0))
        upper[row.name] = min(upper[row.name], Fraction(1) if row.high is None else row.high)
    return (
        tuple(math.ceil(lower[domain] * PPM) for domain in domains),
        tuple(math.floor(upper[domain] * PPM) for domain in domains),
    )


def _constraint(domains: Sequence[str], row: _Row) -> LinearConstraint:
    """Turn coefficients into the smallest whole numbers, so that integers decide membership."""
    values = [row.terms.get(domain, Fraction(0)) for domain in domains]
    common = Fraction(math.lcm(*(value.denominator for value in values)))
    divisor = math.gcd(*(int(value * common) for value in values))
    factor = common / max(divisor, 1)
    return LinearConstraint(
        name=f"{row.path.removeprefix('space.').removesuffix('s')} {row.name}",
        coefficients=tuple(int(value * factor) for value in values),
        low=None if row.low is None else math.ceil(row.low * factor * PPM),
        high=None if row.high is None else math.floor(row.high * factor * PPM),
        unit=factor * PPM,
    )


def _cap_limits(
    domains: Sequence[str], caps: Mapping[str, Fraction], max_repeats: str | None
) -> list[Limit]:
    return [
        Limit(
            words=f"space.maxRepeats {max_repeats} caps {domain} at {float(caps[domain]):.10g}",
            coefficients=tuple(int(domain == other) for other in domains),
            high=caps[domain] * PPM,
            cap=(domain, caps[domain]),
        )
        for domain in domains
        if domain in caps
    ]


def _limits_of(domains: Sequence[str], row: _Row) -> list[Limit]:
    """Return the sides of a row that say anything beyond `weights lie in 0 to 1`."""
    exact = _constraint(domains, row)
    is_share = row.path != "space.linear"
    sides = []
    if row.low is not None and not (is_share and row.low == 0):
        words = f"{row.path} {row.name} is at least {float(row.low):.10g}"
        negated = tuple(-c for c in exact.coefficients)
        sides.append(Limit(words=words, coefficients=negated, high=-row.low * exact.unit))
    if row.high is not None and not (is_share and row.high == 1):
        words = f"{row.path} {row.name} is at most {float(row.high):.10g}"
        high = row.high * exact.unit
        sides.append(Limit(words=words, coefficients=exact.coefficients, high=high))
    return sides


def _must_not_be_empty(space: MixtureSpace, limits: Sequence[Limit]) -> None:
    if not is_feasible(limits, d=space.d, on_lattice=False):
        conflict = explain_conflict(limits, d=space.d, on_lattice=False)
        raise InfeasibleSpace(
            f"no mixture meets all of: {conflict}", hint="Relax one of these limits."
        )
    try:
        repair(space, np.array(space.uniform.fractions))
    except InfeasibleSpace as error:
        if is_feasible(limits, d=space.d, on_lattice=True):
            raise  # not proven empty, so there is no conflict to name
        conflict = explain_conflict(limits, d=space.d, on_lattice=True)
        raise InfeasibleSpace(
            f"no mixture in whole parts per million meets all of: {conflict}", hint=error.hint
        ) from error
