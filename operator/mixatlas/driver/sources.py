"""Runs of elsewhere against a search: what they share, and whether that tells anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mixatlas.contract.errors import SpecError
from mixatlas.ledger.evidence import MOST_RUNS, Source
from mixatlas.plan.observed import Accepted
from mixatlas.spec.view import View
from mixatlas.surrogate.subset import representative

FloatArray = NDArray[np.float64]

LEAST_SHARED = 2
"""Domains that a source must share: its mixtures over fewer are all alike."""
MOST_NAMED = 12


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Found:
    """Runs as a source has them.

    Args:
        field: Of the document, such as `spec.search.warmStart.0`.
        weights_field: The one that names its mixtures.
        scores_field: The one that names its scores.
        origin: URIs of what was read.
        sha256: Of each.
        domains: Its `e` domains.
        W_ne: Weights, rows on the simplex.
        metrics: All that it measures.
        Y_nm: Scores, NaN = not measured.
        homes: Which column of `domains` each of our cells belongs to; others are unknown to it.
        hint: How its domains become ours.
        changed: Domains and benchmarks that match, with other data.
        differs: Why its runs are not taken as done.
    """

    field: str
    weights_field: str
    scores_field: str
    origin: tuple[str, ...]
    sha256: tuple[str, ...]
    domains: tuple[str, ...]
    W_ne: FloatArray
    metrics: tuple[str, ...]
    Y_nm: FloatArray
    homes: Mapping[str, int]
    hint: str
    changed: tuple[str, ...] = ()
    differs: tuple[str, ...] = ()


def as_source(found: Found, accepted: Accepted) -> Source:
    """Keep of runs what tells of a search's benchmarks.

    Raises:
        SpecError: They share fewer than `LEAST_SHARED` domains or no benchmark, or are all of one
            mixture.
    """
    ours, wanted = accepted.view.names, tuple(accepted.metrics)
    shares = _shares(accepted.view, found.homes, len(found.domains))
    if sum(map(any, zip(*shares, strict=True))) < LEAST_SHARED:
        raise SpecError(
            f"{found.weights_field}: fewer than {LEAST_SHARED} of its domains are this search's: "
            f"{found.origin[0]} has {_listed(found.domains)}; this search has {_listed(ours)}",
            hint=found.hint,
        )
    shared = tuple(name for name in wanted if name in found.metrics)
    if not shared:
        raise SpecError(
            f"{found.scores_field}: it measures none of this search's benchmarks: "
            f"{found.origin[-1]} has {_listed(found.metrics)}; this search has {_listed(wanted)}",
            hint="Benchmarks match by name: rename one, or remove the entry.",
        )
    Y_nm = found.Y_nm[:, [found.metrics.index(name) for name in shared]]
    rows = np.flatnonzero(np.isfinite(Y_nm).any(axis=1))
    if len(np.unique(found.W_ne[rows].round(6), axis=0)) < 2:
        raise SpecError(
            f"{found.weights_field}: {found.origin[0]} has no two mixtures that tell of "
            f"{_listed(shared)}",
            hint="Name it once more of its runs have ended, or remove the entry.",
        )
    kept = rows[representative(MOST_RUNS, np.nan_to_num(Y_nm[rows]), found.W_ne[rows])]
    seen = np.flatnonzero(np.isfinite(Y_nm[kept]).any(axis=0))
    return Source(
        field=found.field,
        origin=found.origin,
        sha256=found.sha256,
        domains=found.domains,
        weights=_rows(found.W_ne[kept]),
        metrics=tuple(shared[i] for i in seen),
        scores=tuple(
            tuple(value if np.isfinite(value) else None for value in row)
            for row in Y_nm[np.ix_(kept, seen)].tolist()
        ),
        ours=ours,
        shares=shares,
        changed=found.changed,
        differs=found.differs,
        n_found=len(rows),
    )


def _shares(view: View, homes: Mapping[str, int], n: int) -> tuple[tuple[float, ...], ...]:
    """Divide each of our domains over a source's columns, by the natural shares of its cells."""
    rows = []
    for part in view.slices:
        row = [0.0] * n
        for cell, tokens in part.cells.items():
            if cell in homes:
                row[homes[cell]] += tokens / part.tokens
        rows.append(tuple(row))
    return tuple(rows)


def _rows(A: FloatArray) -> tuple[tuple[float, ...], ...]:
    return tuple(map(tuple, A.tolist()))


def _listed(names: Sequence[str]) -> str:
    rest = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {rest} more" if rest > 0 else "")
