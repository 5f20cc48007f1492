"""Which fields may change while a search runs, and which differ all the same."""

from __future__ import annotations

from typing import Any

from mixatlas.spec.model import MixtureSearch
from mixatlas.spec.schema import LIST_KEYS

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
    """Name the immutable fields that differ, sorted, such as `spec.proxy.tokens`.

    The order of a list that is a map by a key is no difference; the API server takes it for none.
    """
    before, after = (_in_order(search.spec.to_plain()) for search in (accepted, live))
    return tuple(sorted(_differences(before, after, ())))


def _in_order(value: Any, name: str = "") -> Any:
    """Sort the lists that are maps by a key, at any depth. `name` is the field of the value."""
    if isinstance(value, dict):
        return {key: _in_order(child, key) for key, child in value.items()}
    if isinstance(value, list):
        items, key = [_in_order(item) for item in value], LIST_KEYS.get(name)
        is_map = key is not None and all(isinstance(i, dict) and key in i for i in items)
        return sorted(items, key=lambda item: str(item[key])) if is_map else items
    return value


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
