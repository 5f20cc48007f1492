"""From a document's limits to a space."""

from __future__ import annotations

from collections.abc import Mapping

from mixatlas.space.build import Bound, Group, Linear, build_space
from mixatlas.space.space import MixtureSpace
from mixatlas.spec.mixtures import SpaceSpec


def limited_space(
    space: SpaceSpec, tokens: Mapping[str, int], *, target_tokens: int | None = None
) -> MixtureSpace:
    """Build the space that a document's limits leave of some domains.

    Args:
        space: The limits.
        tokens: Manifest tokens of each domain.
        target_tokens: Tokens of the target run.

    Raises:
        SpecError: A limit names a domain that is not there.
        InfeasibleSpace: No mixture meets all constraints.
    """
    return build_space(
        tokens=tokens,
        bounds=[Bound(domain=b.domain, min=b.min, max=b.max) for b in space.bounds],
        groups=[
            Group(name=g.name, domains=tuple(g.domains), min=g.min, max=g.max) for g in space.groups
        ],
        linear=[
            Linear(
                name=row.name,
                terms=tuple((t.domain, t.coefficient) for t in row.terms),
                min=row.min,
                max=row.max,
            )
            for row in space.linear
        ],
        max_repeats=space.max_repeats,
        target_tokens=target_tokens,
    )
