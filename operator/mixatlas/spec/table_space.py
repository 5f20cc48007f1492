"""Limits of mixtures over a table's domains: `spec.space` with the table's own names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Annotated

from pydantic import Field, StringConstraints

from mixatlas.contract.canonical import Record
from mixatlas.spec.load import load_record
from mixatlas.spec.mixtures import BoundSpec, GroupSpec, LinearSpec, SpaceSpec, Term
from mixatlas.spec.places import Document, Mistake, Path, did_you_mean
from mixatlas.spec.space_checks import check_range, check_share

ColumnName = Annotated[str, StringConstraints(min_length=1)]
"""Tables name their domains as they like: `adult_content`, `web:news`, `Pile CC`."""


class TableBound(BoundSpec):
    """Limits of one column's weight."""

    domain: ColumnName = Field(description="Name of a column.")


class TableGroup(GroupSpec):
    """Limits of the summed weight of several columns."""

    domains: tuple[ColumnName, ...] = Field(min_length=1, description="Columns or patterns.")


class TableTerm(Term):
    """One summand of a linear constraint."""

    domain: ColumnName = Field(description="Name of a column.")


class TableLinear(LinearSpec):
    """Limits of a weighted sum of columns."""

    terms: tuple[TableTerm, ...] = Field(min_length=1, description="Coefficient times weight.")


class TableSpace(Record):
    """Which mixtures are allowed. There is no `maxRepeats`: tables tell no tokens."""

    bounds: tuple[TableBound, ...] = Field((), description="Limits of single columns.")
    groups: tuple[TableGroup, ...] = Field((), description="Limits of sums over columns.")
    linear: tuple[TableLinear, ...] = Field((), description="Limits of weighted sums.")


def load_table_space(text: str, *, filename: str, domains: Sequence[str]) -> SpaceSpec:
    """Read the limits of a table's mixtures.

    Args:
        text: A YAML mapping with `bounds`, `groups` and `linear`.
        filename: For messages.
        domains: The table's.

    Raises:
        SpecError: It lists all mistakes with their places, unknown domains among them.
    """
    document = Document(text, filename)
    space = load_record(document, TableSpace)
    document.refuse([*_check_names(space, domains), *_check_limits(space)])
    # Not validated again: names of columns need not be names of a resource's domains.
    return SpaceSpec.model_construct(bounds=space.bounds, groups=space.groups, linear=space.linear)


def _check_names(space: TableSpace, domains: Sequence[str]) -> Iterator[Mistake]:
    named: list[tuple[Path, str]] = [
        *((("bounds", i, "domain"), bound.domain) for i, bound in enumerate(space.bounds)),
        *(
            (("linear", i, "terms", j, "domain"), term.domain)
            for i, row in enumerate(space.linear)
            for j, term in enumerate(row.terms)
        ),
    ]
    for path, name in named:
        if name not in domains:
            yield _unknown(path, f"the table has no domain `{name}`", name, domains)
    for i, group in enumerate(space.groups):
        for j, pattern in enumerate(group.domains):
            if not any(fnmatchcase(name, pattern) for name in domains):
                path = ("groups", i, "domains", j)
                yield _unknown(path, f"no domain matches `{pattern}`", pattern, domains)


def _unknown(path: Path, message: str, name: str, domains: Sequence[str]) -> Mistake:
    remedy = did_you_mean(name, domains) or f"the table has {len(domains)} domains"
    return Mistake(path=path, message=message, remedy=remedy)


def _check_limits(space: TableSpace) -> Iterator[Mistake]:
    shares: list[tuple[Path, str, str]] = [
        *((("bounds", i), bound.min, bound.max) for i, bound in enumerate(space.bounds)),
        *((("groups", i), group.min, group.max) for i, group in enumerate(space.groups)),
    ]
    for path, low, high in shares:
        yield from check_share((*path, "min"), low)
        yield from check_share((*path, "max"), high)
        yield from check_range(path, low, high)
    for i, row in enumerate(space.linear):
        if row.min is not None and row.max is not None:
            yield from check_range(("linear", i), row.min, row.max)
