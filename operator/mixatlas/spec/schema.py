"""The JSON schema of the models with references and nulls resolved: one tree to walk.

Errors, the custom resource and the field reference are all read off this tree.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from pydantic import BaseModel

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
def schema_of(model: type[BaseModel]) -> Schema:
    """Return the schema of a whole document. Callers must not change it."""
    schema = model.model_json_schema(by_alias=True)
    resolved: Schema = _resolve(schema, schema.get("$defs", {}))
    return resolved


def search_schema() -> Schema:
    """Return the schema of a MixtureSearch. Callers must not change it."""
    return schema_of(MixtureSearch)


def field_at(path: Path, schema: Schema | None = None) -> Schema | None:
    """Return the schema of a field of a document, or None where there is none.

    Args:
        path: Of the field; the entry of a map is a field, whatever its key.
        schema: Of the document; None for a MixtureSearch's.
    """
    here: Schema | None = search_schema() if schema is None else schema
    for part in path:
        if here is None:
            return None
        here = here.get("items") if isinstance(part, int) else _entry(here, part)
    return here


def is_decimal(path: Path, schema: Schema | None = None) -> bool:
    """Tell whether a field is a decimal in quotes; arguments as `field_at`."""
    field = field_at(path, schema)
    return field is not None and field.get("pattern") == DECIMAL_PATTERN


def fields(schema: Schema | None = None) -> Iterator[tuple[str, Schema, bool]]:
    """Yield (path, schema, whether required) of every field, parents first.

    Entries of a list are marked `[]`: `spec.space.bounds[].min`. Without a schema, the fields
    are those of a MixtureSearch.
    """
    yield from _below(search_schema() if schema is None else schema, "")


def _entry(schema: Schema, key: str) -> Schema | None:
    found: Schema | None = schema.get("properties", {}).get(key)
    others = schema.get("additionalProperties")
    return found if found is not None or not isinstance(others, dict) else others


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
