"""The image concept of a sample."""

from __future__ import annotations

from pydantic import TypeAdapter, ValidationError

from mixatlas.contract.manifest import AxisValue
from mixatlas.corpus.document import ConceptSettings

TEXT = "text"
"""Concept of every sample without an image, and of no other."""
_AXIS_VALUE: TypeAdapter[str] = TypeAdapter(AxisValue)


class NoConcept(Exception):
    """A sample has no usable concept; the message says why."""


def concept_of(value: str | None, *, has_image: bool, settings: ConceptSettings) -> str:
    """Return the concept of a sample, by its source's column.

    Args:
        value: What the column says, None where it says nothing.
        has_image: Whether the sample has an image.
        settings: `names` turns values into concepts.

    Raises:
        NoConcept: The column is empty, or its value is no concept and has no name.
    """
    if not has_image:
        return TEXT
    if not value:
        raise NoConcept("concept: the column is empty")
    name = settings.names.get(value, value)
    if name == TEXT:
        raise NoConcept(f"concept: {value!r} is for samples without an image")
    try:
        return _AXIS_VALUE.validate_python(name)
    except ValidationError as error:
        raise NoConcept(
            f"concept: {value!r} must be lower-case letters, digits and inner hyphens, at most 30, "
            "or have an entry in concepts.names"
        ) from error
