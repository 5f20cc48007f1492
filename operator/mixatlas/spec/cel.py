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
    "space": (
        "!has(self.bounds) || self.bounds.map(b, has(b.min) ? double(b.min) : 0.0).sum() <= 1.0",
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


def immutability(spec: Schema) -> Schema:
    """Return the rule that what is not editable stays as it was accepted.

    It stands at the root, because it reads the status.

    Args:
        spec: Schema of `spec`.
    """
    fields = [(field,) for field in spec["properties"] if (field,) not in EDITABLE]
    kept = []
    for (field,) in fields:
        inside = {path[1] for path in EDITABLE if path[0] == field and len(path) == 2}
        if inside:
            keys = spec["properties"][field]["properties"]
            kept += [_is_kept(field, key) for key in keys if key not in inside]
        else:
            kept.append(_is_kept(field))
    editable = ", ".join(".".join(("spec", *path)) for path in EDITABLE)
    return {
        "rule": f"{_NOT_ACCEPTED} || ({' && '.join(kept)})",
        "message": f"once accepted, only these may change: {editable}",
    }


def _is_kept(*path: str) -> str:
    """Return CEL that holds where a field is absent in both versions, or equal in both."""
    new, old = _exists("self", path), _exists("oldSelf", path)
    value = ".".join(("spec", *path))
    return f"{new} == {old} && (!{new} || self.{value} == oldSelf.{value})"


def _exists(version: str, path: tuple[str, ...]) -> str:
    steps = [".".join((version, "spec", *path[: n + 1])) for n in range(len(path))]
    return f"({' && '.join(f'has({step})' for step in steps)})"
