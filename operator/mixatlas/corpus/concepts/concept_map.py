"""`concepts.json`: the concepts of a corpus as unit vectors, and which of them an image shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError, model_validator

from mixatlas.contract.canonical import DecimalString, Record, canonical_json, sha256_hex
from mixatlas.contract.errors import SpecError
from mixatlas.contract.manifest import AxisValue, Sha256
from mixatlas.corpus.concepts.axis import Belonging

OTHER = "other"
"""Concept of images that no prompt describes clearly enough."""
_DIGITS = 6


CONCEPTS_HINT = "Give the concepts.json of a corpus that was built by Clusters or Prompts."


class Concept(Record):
    """One concept: a unit vector, and how many images of the fit's sample are nearest to it."""

    name: AxisValue
    vector: tuple[float, ...] = Field(min_length=1)
    prompts: tuple[str, ...] = ()
    sampled: int = Field(0, ge=0)


class Silhouette(Record):
    """How well apart `k` clusters of the sample lie, in -1 to 1, and the share of each."""

    k: int
    silhouette: float
    shares: tuple[float, ...]


class ConceptMap(Record):
    """What every image of a corpus was assigned by. It can be used again for other data.

    `model` and `revision` say which checkpoint's space the vectors lie in. An image whose nearest
    two concepts differ by less than `margin` in cosine is `other`.
    """

    schema_version: Literal[1] = 1
    method: Literal["Clusters", "Prompts"]
    model: str
    revision: Sha256
    margin: DecimalString = "0"
    concepts: tuple[Concept, ...] = Field(min_length=1)
    silhouettes: tuple[Silhouette, ...] = ()

    @model_validator(mode="after")
    def _is_sound(self) -> ConceptMap:
        if len({len(concept.vector) for concept in self.concepts}) > 1:
            raise ValueError("vectors differ in length")
        return self

    @property
    def vectors(self) -> NDArray[np.float32]:
        """The concepts' vectors, of shape (k, d)."""
        C_kd = np.array([concept.vector for concept in self.concepts])
        unit: NDArray[np.float32] = (C_kd / np.linalg.norm(C_kd, axis=1, keepdims=True)).astype(
            np.float32
        )
        return unit

    def assign(self, V_nd: NDArray[np.float32]) -> list[Belonging]:
        """Return the concept of each image.

        Args:
            V_nd: Unit vectors of the same checkpoint.
        """
        S_nk = V_nd @ self.vectors.T
        nearest, cosines = S_nk.argmax(axis=1), rounded(S_nk.max(axis=1))
        found = [
            Belonging(self.concepts[index].name, cosine)
            for index, cosine in zip(nearest, cosines, strict=True)
        ]
        if float(self.margin) and len(self.concepts) > 1:
            top = np.partition(S_nk, -2, axis=1)[:, -2:]
            is_clear = top[:, 1] - top[:, 0] >= float(self.margin)
            found = [
                one if ok else Belonging(OTHER) for one, ok in zip(found, is_clear, strict=True)
            ]
        return found

    def has(self, name: str) -> bool:
        """Whether a concept has a vector."""
        return any(concept.name == name for concept in self.concepts)

    def nearest(self, name: str, others: Sequence[str]) -> str:
        """Return which of `others` lies nearest to a concept, by cosine."""
        C_kd, names = self.vectors, [concept.name for concept in self.concepts]
        S_kk = C_kd @ C_kd.T
        return max(
            others,
            key=lambda other: max(
                S_kk[i, j]
                for i, mine in enumerate(names)
                for j, theirs in enumerate(names)
                if (mine, theirs) == (name, other)
            ),
        )

    def renamed(self, names: Mapping[str, str]) -> ConceptMap:
        """Return the map with other names; equal names make one concept of several.

        Args:
            names: Wanted names by those of the map. What has its wanted name already may stay.

        Raises:
            SpecError: A name to change is none of the map's.
        """
        known = {concept.name for concept in self.concepts}
        for name in names:
            if name not in known and names[name] not in known:
                raise SpecError(
                    f"concepts.names: there is no concept {name!r}",
                    hint=f"There are: {', '.join(sorted(known))}.",
                )
        concepts = [c.model_copy(update={"name": names.get(c.name, c.name)}) for c in self.concepts]
        return self.model_copy(update={"concepts": tuple(concepts)})

    def definition(self, name: str) -> str:
        """Return the digest of what makes an image belong to a concept.

        Other clusters are no part of it, so that a cell survives a split elsewhere; `other` is
        what no concept wants, and depends on all.
        """
        same = [c.vector for c in self.concepts if name in (c.name, OTHER)]
        return sha256_hex(canonical_json([self.revision, self.margin, same]))


def rounded(vector: NDArray[np.floating]) -> tuple[float, ...]:
    """Return a vector as the file holds it."""
    return tuple(round(float(value), _DIGITS) for value in vector)


def load_concept_map(content: bytes, name: str) -> ConceptMap:
    """Read a concept map; `name` is for messages.

    Raises:
        SpecError: It is none.
    """
    try:
        return ConceptMap.model_validate_json(content)
    except ValidationError as error:
        raise SpecError(f"{name}: not a concept map: {error}", hint=CONCEPTS_HINT) from error
