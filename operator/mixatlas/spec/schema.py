"""The JSON schema of the models with references and nulls resolved: one tree to walk.

Errors, the custom resource and the field reference are all read off this tree.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from mixatlas.contract.canonical import DECIMAL_PATTERN
from mixatlas.spec.model import MixtureSearch
from mixatlas.spec.places import Path

Schema = dict[str, Any]
LIST_KEYS = {
    "bounds": "domain",
    "groups": "name",
    "linear": "name",
    "terms": "domain",
    "baselines": "name",
    "mixture": "domain",
    "benchmarks": "name",
    "constraints": "benchmark",
}
"""Lists that are maps by a key: server-side apply merges them, and duplicates are refused."""


@cache
def search_schema() -> Schema:
    """Return the schema of a whole document. Callers must not change it."""
    schema = MixtureSearch.model_json_schema(by_alias=True)
    resolved: Schema = _resolve(schema, schema["$defs"])
    return resolved


def field_at(path: Path) -> Schema | None:
    """Return the schema of a field of the document, or None where there is none."""
    here: Schema | None = search_schema()
    for part in path:
        if here is None:
            return None
        here = here.get("items") if isinstance(part, int) else here.get("properties", {}).get(part)
    return here


def is_decimal(path: Path) -> bool:
    """Tell whether a field is a decimal in quotes."""
    field = field_at(path)
    return field is not None and field.get("pattern") == DECIMAL_PATTERN


def fields() -> Iterator[tuple[str, Schema, bool]]:
    """Yield (path, schema, whether required) of every field, parents first.

    Entries of a list are marked `[]`: `spec.space.bounds[].min`.
    """
    yield from _below(search_schema(), "")


def _below(schema: Schema, path: str) -> Iterator[tuple[str, Schema, bool]]:
    for key, field in schema.get("properties", {}).items():
        name = f"{path}.{key}" if path else key
        yield name, field, key in schema.get("required", ())
        if field.get("type") == "array":
            yield from _below(field["items"], f"{name}[]")
        else:
            yield from _below(field, name)


def _resolve(schema: Schema, definitions: Schema) -> Schema:
    """Put definitions in the place of references, and take X out of `X or null`, at any depth."""
    own = {key: value for key, value in schema.items() if key not in ("$defs", "title")}
    if "$ref" in own:
        target = definitions[own.pop("$ref").rpartition("/")[2]]
        return _resolve({**target, **own}, definitions)
    if "anyOf" in own:
        (kept,) = (branch for branch in own.pop("anyOf") if branch != {"type": "null"})
        return _resolve({**kept, **own}, definitions)
    if "properties" in own:
        own["properties"] = {
            key: _resolve(value, definitions) for key, value in own["properties"].items()
        }
    if "items" in own:
        own["items"] = _resolve(own["items"], definitions)
    return own
