"""The concept axis of a model: embed what is not yet embedded, then fit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import final

import numpy as np

from mixatlas.contract.canonical import canonical_json, sha256_hex
from mixatlas.contract.errors import SpecError
from mixatlas.corpus.concepts.axis import NoConcept
from mixatlas.corpus.concepts.concept_map import ConceptMap
from mixatlas.corpus.concepts.embed import EmbeddingMarker, embed_part, read_vectors
from mixatlas.corpus.concepts.encoder import Encoder
from mixatlas.corpus.concepts.fit import concepts_of_prompts, fit_clusters, sample_vectors, unit
from mixatlas.corpus.concepts.settings import ConceptSettings
from mixatlas.corpus.concepts.small_cells import join_small_cells
from mixatlas.corpus.parts import PartRecord

_ROWS = 65_536


@final
class ModelAxis:
    """Concepts as a model sees them: each image has that of its nearest vector.

    Args:
        concepts: With the names that are wanted.
        markers: Of the vectors of each part.
    """

    def __init__(self, concepts: ConceptMap, markers: Mapping[Path, EmbeddingMarker]) -> None:
        self.concepts = concepts
        self._markers = markers

    def concepts_of(self, part: Path) -> Callable[[PartRecord], str]:
        """As `ConceptAxis.concepts_of`: by the first image."""
        marker = self._markers[part]
        rows = read_vectors(part, marker)
        found: dict[bytes, str] = {}
        for begin in range(0, len(rows), _ROWS):
            block = np.array(rows[begin : begin + _ROWS])  # off the disk
            names = self.concepts.assign(unit(block["vector"].astype(np.float32)))
            hashes = (sha256.tobytes() for sha256 in block["sha256"])
            found.update(zip(hashes, names, strict=True))

        def concept_of(record: PartRecord) -> str:
            sha256 = record.hashes[0]
            if sha256 in marker.broken:
                raise NoConcept(f"images.0: cannot be decoded: {marker.broken[sha256]}")
            return found[bytes.fromhex(sha256)]

        return concept_of

    def joined(self, cells: Mapping[str, int], min_samples: int) -> dict[str, str]:
        """As `join_small_cells`."""
        return join_small_cells(cells, self.concepts, min_samples)

    def definition(self, concept: str) -> str:
        """As `ConceptAxis.definition`."""
        return self.concepts.definition(concept)

    @property
    def identity(self) -> str:
        """As `ConceptAxis.identity`."""
        return sha256_hex(canonical_json(self.concepts.to_plain()))


def find_concepts(
    parts: Mapping[Path, str],
    settings: ConceptSettings,
    checkpoint: Path,
    *,
    known: ConceptMap | None,
    on_images: Callable[[int], None],
) -> ModelAxis:
    """Embed all parts and find the concepts of their images.

    Args:
        parts: Each with the digest of what it was made of.
        settings: Of the method `Clusters` or `Prompts`.
        checkpoint: Folder of the model.
        known: Concepts of another corpus, to be used instead of new ones.
        on_images: Called with the number of images of each batch that was embedded.

    Raises:
        SpecError: The model cannot be used, or is not that of the known concepts; or a name
            stands for no concept.
        CorpusInvalid: A part is damaged, or there are fewer images than clusters.
    """
    encoder = Encoder(checkpoint)
    if known is not None and known.revision != encoder.revision:
        raise SpecError(
            f"the concepts are of {known.model}, and its files differ from {settings.model}",
            hint="Use the model that they were found with; its revision must be "
            f"{known.revision[:12]}….",
        )
    markers = {
        part: embed_part(part, fingerprint, encoder, on_images=on_images)
        for part, fingerprint in parts.items()
    }
    found = known or _fit(markers, settings, encoder)
    return ModelAxis(found.renamed(settings.names), markers)


def _fit(
    markers: Mapping[Path, EmbeddingMarker], settings: ConceptSettings, encoder: Encoder
) -> ConceptMap:
    model = settings.model or ""
    if settings.method == "Prompts":
        return concepts_of_prompts(
            settings.prompts, margin=settings.margin, encoder=encoder, model=model
        )
    return fit_clusters(
        sample_vectors(markers.items(), settings.sample, settings.seed),
        k=settings.k,
        seed=settings.seed,
        encoder=encoder,
        model=model,
        vocabulary=settings.vocabulary,
    )
