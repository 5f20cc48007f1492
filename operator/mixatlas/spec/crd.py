"""The custom resource, generated from the models: structural, every string and list bounded."""

from __future__ import annotations

import json

import yaml

from mixatlas.spec.cel import immutability, rule_on
from mixatlas.spec.schema import LIST_KEYS, Schema, search_schema

GROUP, VERSION = "mixatlas.dev", "v1alpha1"
LONGEST_STRING = 1024
LARGEST_MAP = 64
COLUMNS = (
    ("STATUS", "status", 0),
    ("TRIALS", "trials", 0),
    ("RUN", "running", 0),
    ("FAIL", "failed", 0),
    ("GAIN", "gain", 0),
    ("GPU-H", "gpuHours", 0),
    ("BEST", "best", 1),
    ("QUEUE", "queue", 1),
    ("ETA", "eta", 1),
)
"""Printer columns: name, field of `status.summary`, priority (1: with `-o wide` only)."""
_CONDITIONS: Schema = {
    "type": "array",
    "maxItems": 8,
    "description": "How the search stands: `Finished` is what pipelines wait for.",
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["type"],
    "items": {
        "type": "object",
        "description": "One condition, as in metav1.",
        "required": ["type", "status", "reason", "message", "lastTransitionTime"],
        "properties": {
            "type": {"type": "string", "maxLength": 64, "description": "What is told."},
            "status": {
                "type": "string",
                "enum": ["True", "False", "Unknown"],
                "description": "Whether it holds.",
            },
            "reason": {"type": "string", "maxLength": 64, "description": "Why, in one word."},
            "message": {"type": "string", "maxLength": 32768, "description": "Why, in words."},
            "lastTransitionTime": {
                "type": "string",
                "format": "date-time",
                "maxLength": 64,
                "description": "When `status` last changed.",
            },
            "observedGeneration": {
                "type": "integer",
                "format": "int64",
                "description": "Of the document that this is about.",
            },
        },
    },
}
_NEAR_OPTIMAL: Schema = {
    "type": "object",
    "description": "How many mixtures were as good as the best, for all that was known when the "
    "last confirmation's candidates were chosen: those within one standard error of it.",
    "properties": {
        "share": {
            "type": "number",
            "description": "Of the space's volume; 0 where none of `sampled` mixtures is one.",
        },
        "reach": {
            "type": "number",
            "description": "How far one may go from the best towards a random mixture, on average, "
            "as a share of the way.",
        },
        "sampled": {
            "type": "integer",
            "format": "int64",
            "description": "Uniform mixtures that `share` was counted over.",
        },
        "tried": {
            "type": "integer",
            "format": "int64",
            "description": "Tried mixtures that are as good.",
        },
        "eligible": {
            "type": "integer",
            "format": "int64",
            "description": "Tried mixtures that were looked at: inside the space, feasible.",
        },
    },
}
_KEPT = (
    *("type", "description", "enum", "pattern", "format", "required"),
    *("minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems"),
)
"""Keywords that mean the same in a CustomResourceDefinition."""


def render_crd() -> str:
    """Render the CustomResourceDefinition as YAML."""
    version = {
        "name": VERSION,
        "served": True,
        "storage": True,
        "additionalPrinterColumns": _columns(),
        "subresources": {
            "status": {},
            "scale": {
                "specReplicasPath": ".spec.search.parallelism",
                "statusReplicasPath": ".status.replicas",
            },
        },
        "schema": {"openAPIV3Schema": _root()},
    }
    names = {
        "kind": "MixtureSearch",
        "listKind": "MixtureSearchList",
        "plural": "mixturesearches",
        "singular": "mixturesearch",
        "shortNames": ["mxs"],
        "categories": ["mixatlas"],
    }
    resource = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"mixturesearches.{GROUP}"},
        "spec": {"group": GROUP, "scope": "Namespaced", "names": names, "versions": [version]},
    }
    text = yaml.safe_dump(resource, sort_keys=False, allow_unicode=True, width=100)
    return f"# Generated from operator/mixatlas/spec by `make generate`. Do not edit.\n{text}"


def _columns() -> list[Schema]:
    columns: list[Schema] = [
        {"name": name, "type": "string", "jsonPath": f".status.summary.{key}"}
        | ({"priority": priority} if priority else {})
        for name, key, priority in COLUMNS
    ]
    age = {"name": "AGE", "type": "date", "jsonPath": ".metadata.creationTimestamp"}
    return [*columns[:6], age, *columns[6:]]


def _root() -> Schema:
    root = _structural(search_schema(), "")
    metadata, status = (root["properties"][key] for key in ("metadata", "status"))
    # The API server validates metadata itself; a resource may only narrow the name.
    root["properties"]["metadata"] = {
        "type": "object",
        "properties": {"name": metadata["properties"]["name"]},
    }
    root["properties"]["status"] = {
        "type": "object",
        "description": status["description"],
        "properties": {"conditions": _CONDITIONS, "nearOptimal": _NEAR_OPTIMAL},
        "x-kubernetes-preserve-unknown-fields": True,
    }
    root["x-kubernetes-validations"] = immutability(root["properties"]["spec"])
    return root


def _structural(schema: Schema, name: str) -> Schema:
    """Turn one schema of the models into one that the API server takes."""
    result = {key: schema[key] for key in _KEPT if key in schema}
    if "description" in schema:
        result["description"] = schema["description"] + _default(schema)
    if name == "trainer" or _is_free(schema):
        # Without `type`: with one, the API server would compare only the keys that two versions
        # share, and a renamed key would pass as unchanged.
        return {
            "description": result["description"],
            "x-kubernetes-preserve-unknown-fields": True,
        }
    if "const" in schema:
        result["enum"] = [schema["const"]]
    for bound in ("minimum", "maximum"):
        exclusive = f"exclusive{bound.capitalize()}"
        if exclusive in schema:
            # CustomResourceDefinitions use draft 4's boolean form.
            result |= {bound: schema[exclusive], exclusive: True}
    if rules := rule_on(name):
        result["x-kubernetes-validations"] = rules
    match schema.get("type"):
        case "object":
            result |= _object(schema)
        case "array":
            result["items"] = _structural(schema["items"], "")
            if name in LIST_KEYS:
                result["x-kubernetes-list-type"] = "map"
                result["x-kubernetes-list-map-keys"] = [LIST_KEYS[name]]
        case "string" if "enum" not in result:
            result.setdefault("maxLength", LONGEST_STRING)
        case "integer":
            result["format"] = "int64"
    return result


def _object(schema: Schema) -> Schema:
    if "properties" in schema:
        properties = {key: _structural(field, key) for key, field in schema["properties"].items()}
        return {"properties": properties}
    values = _structural(schema["additionalProperties"], "")
    return {"additionalProperties": values, "maxProperties": LARGEST_MAP}


def _is_free(schema: Schema) -> bool:
    """Tell whether any keys may stand in an object."""
    is_object = schema.get("type") == "object" and "properties" not in schema
    return is_object and not isinstance(schema.get("additionalProperties"), dict)


def _default(schema: Schema) -> str:
    """Return a sentence on the default, for `kubectl explain`: the schema itself sets none."""
    match schema.get("default"):
        case None | dict():
            return ""
        case []:
            return " Default: none."
        case list() as entries:
            return f" Default: [{', '.join(entries)}]."
        case str() as text:
            return f' Default: "{text}".' if "pattern" in schema else f" Default: {text}."
        case value:
            return f" Default: {json.dumps(value)}."
