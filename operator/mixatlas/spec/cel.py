"""What the API server checks by itself: rules in CEL, for the custom resource."""

from __future__ import annotations

from mixatlas.spec.editable import EDITABLE
from mixatlas.spec.schema import Schema

RULES = {
    "corpus": ("has(self.manifest) != has(self.ref)", "give exactly one of manifest and ref"),
    "base": (
        "has(self.warmupTokens) != has(self.checkpoint)",
        "give exactly one of warmupTokens and checkpoint",
    ),
    "warmStart": (
        (
            "self.all(e, [has(e.ledger), has(e.search), has(e.ratios)].filter(b, b).size() == 1"
            " && has(e.ratios) == has(e.metrics))"
        ),
        "give exactly one of ledger, search, and ratios with metrics in each entry",
    ),
    "space": (
        # Twenty times 0.05 is above 1 in doubles. The operator adds up the decimals themselves.
        "!has(self.bounds) || self.bounds.map(b, has(b.min) ? double(b.min) : 0.0).sum() < 1.00001",
        "the least weights of all bounds sum to more than 1",
    ),
}
"""By the field on which a rule stands: the rule, and what would be right."""
_NOT_ACCEPTED = (
    "!has(oldSelf.status) || !has(oldSelf.status.conditions) || "
    "!oldSelf.status.conditions.exists(c, c.type == 'Accepted' && c.status == 'True')"
)


def rule_on(field: str) -> list[Schema]:
    """Return the rules that stand on a field of this name."""
    if field not in RULES:
        return []
    rule, message = RULES[field]
    return [{"rule": rule, "message": message}]


def immutability(spec: Schema) -> list[Schema]:
    """Return the rules that what is not editable stays as it was accepted, one a field.

    They stand at the root, because they read the status; each names its field by itself.

    Args:
        spec: Schema of `spec`.
    """
    return [
        {
            "rule": f"{_NOT_ACCEPTED} || ({_is_kept(*path)})",
            "fieldPath": ".".join(("", "spec", *path)),
            "reason": "FieldValueForbidden",
            "message": "cannot change once the search is accepted",
        }
        for path in _fixed(spec)
    ]


def _fixed(spec: Schema) -> list[tuple[str, ...]]:
    """Return what is compared as a whole: a field, or its own fields where some are editable."""
    fixed: list[tuple[str, ...]] = []
    for field, schema in spec["properties"].items():
        if (field,) in EDITABLE:
            continue
        if any(path[0] == field for path in EDITABLE):
            fixed += [(field, key) for key in schema["properties"] if (field, key) not in EDITABLE]
        else:
            fixed.append((field,))
    return fixed


def _is_kept(*path: str) -> str:
    """Return CEL that holds where a field is absent in both versions, or equal in both."""
    new, old = _exists("self", path), _exists("oldSelf", path)
    value = ".".join(("spec", *path))
    return f"{new} == {old} && (!{new} || self.{value} == oldSelf.{value})"


def _exists(version: str, path: tuple[str, ...]) -> str:
    steps = [".".join((version, "spec", *path[: n + 1])) for n in range(len(path))]
    return f"({' && '.join(f'has({step})' for step in steps)})"
