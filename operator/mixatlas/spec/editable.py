"""Which fields may change while a search runs, and which differ all the same."""

from __future__ import annotations

from typing import Any

from mixatlas.spec.model import MixtureSearch

EDITABLE = (
    ("search", "maxTrials"),
    ("search", "parallelism"),
    ("search", "stop"),
    ("confirm",),
    ("budget",),
    ("suspend",),
    ("suspendMode",),
    ("conclude",),
    ("output",),
)
"""Paths below `spec` that the driver reads from the live document; the rest from `search.json`."""


def drift(accepted: MixtureSearch, live: MixtureSearch) -> tuple[str, ...]:
    """Name the immutable fields that differ, sorted, such as `spec.proxy.tokens`."""
    return tuple(sorted(_differences(accepted.spec.to_plain(), live.spec.to_plain(), ())))


def _differences(before: Any, after: Any, path: tuple[str, ...]) -> list[str]:
    if path in EDITABLE or before == after:
        return []
    if isinstance(before, dict) and isinstance(after, dict):
        return [
            name
            for key in before.keys() | after.keys()
            for name in _differences(before.get(key), after.get(key), (*path, key))
        ]
    return [".".join(("spec", *path))]
