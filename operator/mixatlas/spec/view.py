"""The domains of a search: the cells of its corpus, or slices of them along one axis.

A search on one axis weighs whole concepts, or whole tasks; inside such a slice the cells keep
their natural shares, those of their tokens. What is decided speaks of domains; what is stored, and
what a trainer reads, speaks of cells: a record says what was trained without the view.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, Self

from mixatlas.contract.canonical import canonical_json, sha256_hex
from mixatlas.contract.manifest import Domain
from mixatlas.contract.mixture import Mixture, largest_remainder

Axis = Literal["concept", "task"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """One domain of a search.

    Args:
        name: The concept or the task; of a single cell its own name, `CONCEPT.TASK`.
        definition: Digest of what belongs in it.
        content: Digest of what does.
        cells: Manifest tokens of each of its cells, positive, by name.
    """

    name: str
    definition: str
    content: str
    cells: Mapping[str, int]

    @property
    def tokens(self) -> int:
        """Manifest tokens of all its cells."""
        return sum(self.cells.values())


@dataclass(frozen=True, kw_only=True)  # no slots: thousands of mixtures are read by one view
class View:
    """A corpus as a search sees it.

    Args:
        slices: The domains, sorted by name. Every cell of the corpus is in exactly one of them.
    """

    slices: tuple[Slice, ...]

    @classmethod
    def of(cls, cells: Iterable[Domain], axes: Sequence[Axis]) -> Self:
        """View the cells of a manifest by `axes`, both in any order.

        Args:
            cells: The manifest's domains.
            axes: Those that are searched: both leave every cell a domain of its own.
        """
        ordered = sorted(cells, key=lambda cell: cell.name)
        if len(set(axes)) > 1:
            return cls(slices=tuple(_single(cell) for cell in ordered))
        (axis,) = set(axes)
        groups: dict[str, list[Domain]] = {}
        for cell in ordered:
            groups.setdefault(cell.concept if axis == "concept" else cell.task, []).append(cell)
        return cls(slices=tuple(_slice(axis, name, groups[name]) for name in sorted(groups)))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the domains."""
        return tuple(part.name for part in self.slices)

    @cached_property
    def homes(self) -> dict[str, str]:
        """The domain of each cell."""
        return {cell: part.name for part in self.slices for cell in part.cells}

    @property
    def tokens(self) -> dict[str, int]:
        """Manifest tokens of each domain."""
        return {part.name: part.tokens for part in self.slices}

    def expand(self, mixture: Mixture) -> Mixture:
        """Return the mixture of cells that a mixture of domains is trained as.

        Each domain's parts per million go to its cells by natural shares: whole parts, each
        within 1 of its exact share, that sum to the domain's own weight, so that `gather` gives
        it back. A cell whose share of them rounds to nothing gets none.

        Raises:
            ValueError: The mixture is over other domains.

        Example:
            >>> cells = {"chart.ocr": 1, "chart.vqa": 2}
            >>> chart = Slice(name="chart", definition="", content="", cells=cells)
            >>> View(slices=(chart,)).expand(Mixture.of({"chart": 1_000_000})).parts
            (('chart.ocr', 333333), ('chart.vqa', 666667))
        """
        if mixture.domains != self.names:
            raise ValueError("the mixture is over other domains than the view")
        parts: dict[str, int] = {}
        for part, ppm in zip(self.slices, mixture.ppm, strict=True):
            parts |= largest_remainder(part.cells, ppm)
        return Mixture.of(parts)

    def gather(self, amounts: Mapping[str, int]) -> dict[str, int]:
        """Sum amounts of cells over the domains; cells that the view lacks are left out."""
        parts, homes = dict.fromkeys(self.names, 0), self.homes
        for cell, amount in amounts.items():
            if cell in homes:
                parts[homes[cell]] += amount
        return parts


def _single(cell: Domain) -> Slice:
    return Slice(
        name=cell.name,
        definition=cell.definition,
        content=cell.content,
        cells={cell.name: cell.tokens},
    )


def _slice(axis: Axis, name: str, cells: Sequence[Domain]) -> Slice:
    return Slice(
        name=name,
        definition=_digest(axis, name, {cell.name: cell.definition for cell in cells}),
        content=_digest(axis, name, {cell.name: cell.content for cell in cells}),
        cells={cell.name: cell.tokens for cell in cells},
    )


def _digest(axis: Axis, name: str, of_cells: Mapping[str, str]) -> str:
    return sha256_hex(canonical_json({"axis": axis, "slice": name, "cells": of_cells}))
