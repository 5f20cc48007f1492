"""YAML → MixtureSearch, with every mistake at its place."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import yaml
from pydantic import ValidationError

from mixatlas.contract.canonical import Record
from mixatlas.contract.errors import NotYetSupported, SpecError
from mixatlas.spec.checks import find_mistakes
from mixatlas.spec.messages import mistakes_of
from mixatlas.spec.model import MixtureSearch
from mixatlas.spec.places import Document, Mistake
from mixatlas.spec.reading import Writer
from mixatlas.spec.schema import schema_of
from mixatlas.spec.support import find_unsupported

FOREIGN_METADATA = frozenset(
    {
        "creationTimestamp",
        "deletionGracePeriodSeconds",
        "deletionTimestamp",
        "finalizers",
        "managedFields",
        "ownerReferences",
        "resourceVersion",
        "selfLink",
        "uid",
    }
)
"""Metadata that a cluster adds: `kubectl get -o yaml` can be run locally."""


RecordT = TypeVar("RecordT", bound=Record)


def write_search(document: Mapping[str, Any]) -> str:
    """Return a document that came as plain data as the YAML that `load_search` reads."""
    return yaml.dump(dict(document), Dumper=Writer, sort_keys=False, allow_unicode=True)


def read_resource(resource: Mapping[str, Any]) -> MixtureSearch:
    """Read a search as an API server holds it.

    Raises:
        SpecError: It is not valid by itself; places are those of `kubectl get -o yaml`.
    """
    parts = {key: resource[key] for key in ("apiVersion", "kind", "metadata", "spec")}
    metadata = resource["metadata"]
    return load_search(write_search(parts), filename=f"{metadata['namespace']}/{metadata['name']}")


def load_search(text: str, *, filename: str = "search.yaml") -> MixtureSearch:
    """Read one MixtureSearch.

    Args:
        text: A YAML document (JSON is YAML).
        filename: For messages.

    Returns:
        The document, valid by itself; what needs the corpus is checked at acceptance.

    Raises:
        SpecError: It lists all mistakes, each as `file:line:column: field: what is wrong`, with
            the line and the remedy.
        NotYetSupported: The document is right, and has fields that this version does not act on.

    Example:
        >>> load_search("kind: MixtureSerch")  # doctest: +IGNORE_EXCEPTION_DETAIL
        Traceback (most recent call last):
        mixatlas.contract.errors.SpecError: search.yaml:1:7: kind: `MixtureSerch` is not a choice
    """
    document = Document(text, filename)
    metadata = document.data.get("metadata")
    if isinstance(metadata, dict):
        for key in FOREIGN_METADATA & metadata.keys():
            del metadata[key]
    search = load_record(document, MixtureSearch)
    document.refuse(find_mistakes(search))
    document.refuse(find_unsupported(search), NotYetSupported)
    return search


def load_record(
    document: Document, model: type[RecordT], beside: Iterable[Mistake] = ()
) -> RecordT:
    """Read a document of any kind.

    Args:
        document: That is to be one.
        model: Of its fields.
        beside: Mistakes that the model cannot tell, to be shown with those that it can.

    Raises:
        SpecError: As `load_search`.
    """
    try:
        # As JSON, because there strictness (no "8" for 8, no `true` for 1) still takes lists.
        found = model.model_validate_json(
            json.dumps(document.data), strict=True, by_alias=True, by_name=False
        )
    except ValidationError as error:
        mistakes = mistakes_of(document, error, schema_of(model))
        raise SpecError(document.describe([*mistakes, *beside])) from error
    document.refuse(beside)
    return found
