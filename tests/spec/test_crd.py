"""The custom resource is structural, bounded, current, and takes what the models take."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from mixatlas.spec.conditions import render_conditions
from mixatlas.spec.crd import render_crd
from mixatlas.spec.reference import render_reference
from mixatlas.spec.schema import LIST_KEYS

ROOT = Path(__file__).parents[2]
CRD = yaml.safe_load(render_crd())
VERSION = CRD["spec"]["versions"][0]
SCHEMA = VERSION["schema"]["openAPIV3Schema"]
FREE = "x-kubernetes-preserve-unknown-fields"
DOCUMENTS = [*sorted((ROOT / "examples/specs").glob("*.yaml")), Path(__file__).parent / "good.yaml"]
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int}


def nodes(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every schema with its path, as `kubectl explain` would name it."""
    yield path, schema
    for key, field in schema.get("properties", {}).items():
        yield from nodes(field, f"{path}.{key}".lstrip("."))
    if "items" in schema:
        yield from nodes(schema["items"], f"{path}[]")
    if isinstance(schema.get("additionalProperties"), dict):
        yield from nodes(schema["additionalProperties"], f"{path}{{}}")


def refusals(schema: dict[str, Any], value: Any, path: str = "") -> Iterator[str]:
    """Yield why the API server would refuse a value, or drop a field of it."""
    kind = schema.get("type")
    if kind and (not isinstance(value, TYPES[kind]) or (kind == "integer" and value is True)):
        yield f"{path}: not {kind}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{path}: not in enum"
    if kind == "object":
        yield from (
            f"{path}: {key} missing" for key in schema.get("required", ()) if key not in value
        )
        for key, child in value.items():
            if key in schema.get("properties", {}):
                yield from refusals(schema["properties"][key], child, f"{path}.{key}")
            elif "additionalProperties" in schema:
                yield from refusals(schema["additionalProperties"], child, f"{path}.{key}")
            elif path != ".metadata" and FREE not in schema:
                yield f"{path}.{key}: dropped"
    if kind == "array":
        if not schema.get("minItems", 0) <= len(value) <= schema["maxItems"]:
            yield f"{path}: size"
        keys = schema.get("x-kubernetes-list-map-keys", [])
        if keys and len({item[keys[0]] for item in value}) < len(value):
            yield f"{path}: two entries of one key"
        for i, item in enumerate(value):
            yield from refusals(schema["items"], item, f"{path}.{i}")
    if kind == "string":
        if not re.search(schema.get("pattern", ""), value):
            yield f"{path}: pattern"
        if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", 1024):
            yield f"{path}: length"
    if kind == "integer":
        low, high = schema.get("minimum", value), schema.get("maximum", value)
        low += schema.get("exclusiveMinimum", False)
        high -= schema.get("exclusiveMaximum", False)
        if not low <= value <= high:
            yield f"{path}: range"


@pytest.mark.parametrize(
    ("name", "render"),
    [
        ("crds/mixturesearches.mixatlas.dev.yaml", render_crd),
        ("charts/mixatlas/files/mixturesearches.mixatlas.dev.yaml", render_crd),
        ("docs/reference/conditions.md", render_conditions),
        ("docs/reference/mixturesearch.md", render_reference),
    ],
)
def test_generated_files_are_current(name: str, render: Any) -> None:
    assert (ROOT / name).read_text(encoding="utf-8") == render(), "run `make generate`"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_the_resource_takes_what_the_models_take(path: Path) -> None:
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert list(refusals(SCHEMA, document)) == []


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("spec", "search", "maxTrials"), 3),
        (("spec", "search", "maxTrials"), "8"),
        (("spec", "search", "seed"), 2**53),
        (("spec", "space", "maxRepeats"), 4.0),
        (("spec", "space", "maxRepeats"), "four"),
        (("spec", "space", "maxRepeats"), "1e999999999"),
        (("spec", "search", "method"), "Bayes"),
        (("spec", "trials"), 8),
        (("spec", "objective"), {}),
        (("metadata", "name"), "a" * 41),
        (("spec", "baselines"), [{"name": "natural"}, {"name": "natural"}]),
        (("spec", "space", "bounds"), [{"domain": "a.vqa"}] * 129),
    ],
    ids=str,
)
def test_the_resource_refuses_what_the_models_refuse(place: tuple[str, ...], value: Any) -> None:
    document = yaml.safe_load((Path(__file__).parent / "good.yaml").read_text(encoding="utf-8"))
    here = document
    for key in place[:-1]:
        here = here[key]
    here[place[-1]] = value
    assert list(refusals(SCHEMA, document))


def test_every_field_is_described_with_its_default() -> None:
    required = {
        f"{path}.{key}".lstrip(".")
        for path, node in nodes(SCHEMA)
        for key in node.get("required", ())
    }
    for path, node in nodes(SCHEMA):
        if not path or path.endswith(("[]", "{}")) or path.startswith("metadata"):
            continue
        words = node.get("description", "")
        assert words.endswith("."), path
        has_fields = "properties" in node or node.get("type") is None
        is_ours = path.startswith("status.")  # nobody sets it, so nothing is left out
        if path not in required and not has_fields and not is_ours:
            assert "Default: " in words or "Left out: " in words, path


def test_the_schema_is_structural_and_bounded() -> None:
    for path, node in nodes(SCHEMA):
        assert not {"$ref", "$defs", "title", "anyOf", "const", "discriminator", "default"} & set(
            node
        ), path
        if FREE in node and "properties" not in node:
            assert "type" not in node, "with a type, a renamed key would pass as unchanged"
            assert node[FREE] is True
            continue
        # What people write has decimals in quotes.
        assert node["type"] in TYPES or (path.startswith("status.") and node["type"] == "number")
        assert not {"properties", "additionalProperties"} <= set(node), path
        assert all(isinstance(node[key], bool) for key in node if key.startswith("exclusive")), path
        match node["type"]:
            case "string":
                assert "maxLength" in node or "enum" in node, path
            case "array":
                assert "maxItems" in node, path
            case "object":
                assert {"properties", "additionalProperties", FREE} & set(node), path
                assert "maxProperties" in node or "additionalProperties" not in node, path


def test_lists_are_maps_by_a_required_key() -> None:
    found = {
        path.rpartition(".")[2]: node
        for path, node in nodes(SCHEMA)
        if node.get("x-kubernetes-list-type") == "map" and path.startswith("spec")
    }
    assert found.keys() == LIST_KEYS.keys()
    for name, node in found.items():
        assert node["x-kubernetes-list-map-keys"] == [LIST_KEYS[name]]
        assert LIST_KEYS[name] in node["items"]["required"]


def test_free_fields_are_these() -> None:
    assert [path for path, node in nodes(SCHEMA) if FREE in node] == [
        "spec.proxy.trainer",
        "spec.proxy.jobTemplate",
        "spec.transfer.proxy",
        "spec.output.job",
        "status",
    ]


def test_kubectl_get_shows_these_columns() -> None:
    columns = VERSION["additionalPrinterColumns"]
    assert [column["name"] for column in columns if not column.get("priority")] == [
        *("STATUS", "TRIALS", "RUN", "FAIL", "GAIN", "GPU-H", "AGE"),
    ]
    assert [c["name"] for c in columns if c.get("priority")] == ["BEST", "QUEUE", "ETA"]
    assert CRD["spec"]["names"]["shortNames"] == ["mxs"]
    assert VERSION["subresources"].keys() == {"status", "scale"}


def test_the_resource_fits_into_a_client_side_apply() -> None:
    assert len(render_crd()) < 100_000
