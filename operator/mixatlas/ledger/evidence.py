"""Runs of elsewhere that a search learns from without taking them as its own (`evidence.json`).

Another model, budget, corpus or image made them, so they say which mixtures may be good, and the
surrogate learns how much that counts. What a search was begun with is stored with it: a source
that changes or is deleted later on changes nothing.

Notation: n runs, e domains of the source, d domains of the search, m metrics.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from mixatlas.contract.canonical import Record

MOST_RUNS = 256
"""Runs of one source that are kept: some that no order of the runs can change."""


class Source(Record):
    """Runs of one source, and where the search's domains lie in it. Hashable, so it can be a key.

    `scores` are as the source has them, null where not measured: it does not matter in which
    direction, nor in which unit. A row of `shares` says how the weight of one of the search's
    domains is divided over those of the source; what is missing from 1 is unknown to it.
    """

    field: str = Field(description="Of the document, such as `spec.search.warmStart.0`.")
    origin: tuple[str, ...] = Field(description="URIs of what was read.")
    sha256: tuple[str, ...] = Field(description="Of each; of a ledger, of its outcomes.")
    domains: tuple[str, ...] = Field(min_length=2, description="The `e` domains of the source.")
    weights: tuple[tuple[float, ...], ...] = Field(description="(n, e); rows sum to 1.")
    metrics: tuple[str, ...] = Field(min_length=1, description="Benchmarks that it measures.")
    scores: tuple[tuple[float | None, ...], ...] = Field(description="(n, m).")
    ours: tuple[str, ...] = Field(description="The `d` domains of the search.")
    shares: tuple[tuple[float, ...], ...] = Field(description="(d, e); rows sum to at most 1.")
    changed: tuple[str, ...] = Field(
        (), description="Domains of equal definition and benchmarks of equal name, with other data."
    )
    differs: tuple[str, ...] = Field(
        (), description="Why runs of a ledger are not taken as done, where one reason is all."
    )
    n_found: int = Field(ge=0, description="Runs that tell of a benchmark; `MOST_RUNS` are kept.")

    @property
    def matched(self) -> tuple[str, ...]:
        """Domains of the search that the source knows, at least in part."""
        return tuple(n for n, row in zip(self.ours, self.shares, strict=True) if any(row))

    @property
    def unknown(self) -> tuple[str, ...]:
        """Domains of the search that the source does not know."""
        return tuple(n for n, row in zip(self.ours, self.shares, strict=True) if not any(row))

    @property
    def further(self) -> tuple[str, ...]:
        """Domains of the source that are none of the search's."""
        columns = zip(*self.shares, strict=True)
        return tuple(n for n, c in zip(self.domains, columns, strict=True) if not any(c))

    @property
    def told(self) -> str:
        """What people are told: what was matched, and what was not."""
        n, matched = len(self.weights), f"{len(self.matched)} of {len(self.ours)} domains matched"
        runs = f"{n}" if n == self.n_found else f"{n} of {self.n_found}"
        scores = ", ".join(self.metrics)
        parts = [f"{runs} runs of {self.origin[0]} are evidence for {scores}: {matched}"]
        for words, names in [
            ("unknown to it", self.unknown),
            ("only there", self.further),
            ("content changed", self.changed),
            ("not taken as done, for they differ", self.differs),
        ]:
            if names:
                parts.append(f"{words}: {', '.join(names)}")
        return "; ".join(parts)


class EvidenceRecord(Record):
    """`evidence.json`: what a search's warm start was when it was accepted. Written once."""

    schema_version: Literal[1] = 1
    ledgers: dict[str, str] = Field(
        default_factory=dict, description="Prefix of the ledger of each entry that has one."
    )
    sources: tuple[Source, ...] = ()
