"""The concept axis: what gives images their concept; and the plainest, a source's column."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol, final

from pydantic import TypeAdapter, ValidationError

from mixatlas.contract.canonical import canonical_json, sha256_hex
from mixatlas.contract.manifest import AxisValue
from mixatlas.corpus.concepts.settings import ConceptSettings
from mixatlas.corpus.parts import PartRecord

TEXT = "text"
"""Concept of every sample without an image, and of no other."""
_AXIS_VALUE: TypeAdapter[str] = TypeAdapter(AxisValue)


class Belonging(NamedTuple):
    """The concept of an image, and the cosine with its vector; None where it has no vector."""

    concept: str
    cosine: float | None = None


class NoConcept(Exception):
    """A sample has no usable concept; the message says why."""


class ConceptAxis(Protocol):
    """Gives samples with an image their concept."""

    def concepts_of(self, part: str, given: str | None) -> Callable[[PartRecord], Belonging]:
        """Return what gives the samples of a part their concept; it raises NoConcept.

        Args:
            part: Name of one that was read.
            given: What the source says for samples that tell none.
        """
        ...

    def similar(self, part: str) -> Mapping[bytes, str]:
        """Return which images of a part, by SHA-256, resemble one of a benchmark, for people."""
        ...

    def definition(self, concept: str) -> str:
        """Return the digest of what makes an image belong to a concept."""
        ...

    @property
    def identity(self) -> str:
        """The digest of all that decides."""
        ...


@final
class ColumnAxis:
    """Concepts as the sources' columns say them.

    Args:
        settings: `names` turns values into concepts.
    """

    def __init__(self, settings: ConceptSettings) -> None:
        self._settings = settings

    def concepts_of(self, part: str, given: str | None) -> Callable[[PartRecord], Belonging]:
        """As `ConceptAxis.concepts_of`."""
        return lambda record: Belonging(concept_of_column(record.concept or given, self._settings))

    def similar(self, part: str) -> Mapping[bytes, str]:
        """As `ConceptAxis.similar`: a column tells nothing of it."""
        return {}

    def definition(self, concept: str) -> str:
        """As `ConceptAxis.definition`: the column's values that mean this concept."""
        values = sorted(v for v, name in self._settings.names.items() if name == concept)
        return sha256_hex(canonical_json(["Column", concept, values]))

    @property
    def identity(self) -> str:
        """As `ConceptAxis.identity`."""
        return sha256_hex(canonical_json(["Column", self._settings.names]))


def concept_of_column(value: str | None, settings: ConceptSettings) -> str:
    """Return the concept of a sample that has an image, by its source's column.

    Args:
        value: What the column says, None where it says nothing.
        settings: `names` turns values into concepts.

    Raises:
        NoConcept: The column is empty, or its value is no concept and has no name.
    """
    if not value:
        raise NoConcept("concept: told by neither `columns.concept` nor the source's `concept`")
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
