"""The concept axis of a model: embed what is not yet embedded, then fit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, final

import numpy as np
from numpy.typing import NDArray

from mixatlas.contract.canonical import canonical_json, sha256_hex
from mixatlas.contract.errors import CorpusInvalid, SpecError
from mixatlas.corpus.concepts.axis import Belonging, NoConcept
from mixatlas.corpus.concepts.concept_map import ConceptMap
from mixatlas.corpus.concepts.embed import (
    embed_files,
    embed_part,
    embedding_of,
    read_vectors,
)
from mixatlas.corpus.concepts.encoder import Encoder
from mixatlas.corpus.concepts.fit import concepts_of_prompts, fit_clusters, sample_vectors, unit
from mixatlas.corpus.concepts.settings import ConceptSettings
from mixatlas.corpus.concepts.small_cells import join_small_cells
from mixatlas.corpus.contamination import ItemImage
from mixatlas.corpus.document import CorpusDocument
from mixatlas.corpus.parts import PartRecord
from mixatlas.corpus.stage import StageMarker, Workspace, run_stage

_MAP = "concepts"
"""The file that the fit leaves."""
_ROWS = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookalikes:
    """What images of a corpus are held against.

    Args:
        items: Names of benchmark items, for people.
        B_md: The unit vectors of their images.
        least: Cosine from which an image counts as the same.
    """

    items: Sequence[str] = ()
    B_md: NDArray[np.float32]
    least: float

    def among(self, hashes: Sequence[bytes], V_nd: NDArray[np.float32]) -> dict[bytes, str]:
        """Return those images that resemble an item's, with a word of which and how much."""
        S_nm = V_nd @ self.B_md.T
        nearest, cosine = S_nm.argmax(axis=1), S_nm.max(axis=1)
        return {
            hashes[row]: f"an image like that of {self.items[nearest[row]]}: {cosine[row]:.3f}"
            for row in np.flatnonzero(cosine >= self.least).tolist()
        }


@final
class ModelAxis:
    """Concepts as a model sees them: each image has that of its nearest vector.

    Args:
        work: Where parts and their vectors lie.
        concepts: With the names that are wanted.
        lookalikes: Tells which images resemble one of a benchmark.
    """

    def __init__(self, work: Workspace, concepts: ConceptMap, lookalikes: Lookalikes) -> None:
        self._work = work
        self.concepts = concepts
        self._lookalikes = lookalikes

    def concepts_of(self, part: str, given: str | None) -> Callable[[PartRecord], Belonging]:
        """As `ConceptAxis.concepts_of`: by the first image, whatever the source says."""
        marker = embedding_of(self._work, part)
        found: dict[bytes, Belonging] = {}
        for hashes, V_nd in self._vectors(part):
            found.update(zip(hashes, self.concepts.assign(V_nd), strict=True))

        def concept_of(record: PartRecord) -> Belonging:
            sha256 = record.hashes[0]
            if sha256 in marker.broken:
                raise NoConcept(f"images.0: cannot be decoded: {marker.broken[sha256]}")
            return found[bytes.fromhex(sha256)]

        return concept_of

    def similar(self, part: str) -> Mapping[bytes, str]:
        """As `ConceptAxis.similar`."""
        found: dict[bytes, str] = {}
        if self._lookalikes.items:
            for hashes, V_nd in self._vectors(part):
                found.update(self._lookalikes.among(hashes, V_nd))
        return found

    def _vectors(self, part: str) -> Iterator[tuple[list[bytes], NDArray[np.float32]]]:
        """Yield SHA-256 and unit vectors of a part's images, some thousands at a time."""
        rows = read_vectors(self._work, part)
        for begin in range(0, len(rows), _ROWS):
            block = np.array(rows[begin : begin + _ROWS])  # off the disk
            hashes = [sha256.tobytes() for sha256 in block["sha256"]]
            yield hashes, unit(block["vector"].astype(np.float32))

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


def embed_alone(work: Workspace, part: str, fingerprint: str, checkpoint: Path) -> None:
    """Embed the images of one part, unless that has been done.

    Args:
        work: Where the part lies.
        part: Its name.
        fingerprint: Changes whenever the part does.
        checkpoint: Folder of the model.

    Raises:
        SpecError: The model cannot be used.
        CorpusInvalid: The part is damaged.
    """
    embed_part(work, part, fingerprint, Encoder(checkpoint))


def find_concepts(
    work: Workspace,
    parts: Mapping[str, str],
    settings: CorpusDocument,
    checkpoint: Path,
    *,
    known: ConceptMap | None,
    on_images: Callable[[int], None],
) -> None:
    """Embed all parts and find the concepts of their images, unless that has been done.

    Args:
        work: Where the parts lie.
        parts: Names, each with the digest of what it was made of.
        settings: The document, of the method `Clusters` or `Prompts`.
        checkpoint: Folder of the model.
        known: Concepts of another corpus, to be used instead of new ones.
        on_images: Called with the number of images of each batch that was embedded.

    Raises:
        SpecError: The model cannot be used, or is not that of the known concepts.
        CorpusInvalid: A part is damaged, or there are fewer images than clusters.
    """
    encoder = Encoder(checkpoint)
    if known is not None and known.revision != encoder.revision:
        raise SpecError(
            f"the concepts are of {known.model}, whose files differ from {settings.concepts.model}",
            hint="Use the model that they were found with; its revision must be "
            f"{known.revision[:12]}….",
        )
    embedded = [
        embed_part(work, part, fingerprint, encoder, on_images=on_images).input
        for part, fingerprint in parts.items()
    ]
    wanted = settings.concepts.model_copy(update={"names": {}, "min_samples": 0}).to_plain()
    made_of = [sorted(embedded), encoder.revision, wanted, known.to_plain() if known else None]

    def write(file: BinaryIO) -> StageMarker:
        found = known or _fit(work, parts, settings.concepts, encoder)
        file.write(found.to_bytes())
        return StageMarker(input=digest)

    digest = sha256_hex(canonical_json(made_of))
    run_stage(work, _MAP, StageMarker, digest, write)


def model_axis(
    work: Workspace, settings: CorpusDocument, checkpoint: Path, items: Sequence[ItemImage]
) -> ModelAxis:
    """Return the axis that `find_concepts` has found.

    Args:
        work: Where it was left.
        settings: The document.
        checkpoint: Folder of the model.
        items: Benchmark images that look-alikes are looked for of.

    Raises:
        SpecError: A name stands for no concept.
        CorpusInvalid: No concepts were found yet, or an item's image cannot be decoded.
    """
    content = work.read(_MAP)
    if content is None:
        raise CorpusInvalid("the concepts are not found yet", hint="Run stage fit.")
    found = ConceptMap.model_validate_json(content)
    least = settings.contamination.similarity
    paths = [image.path for image in items] if least else []
    lookalikes = Lookalikes(
        items=[image.item for image in items] if least else (),
        B_md=embed_files(paths, Encoder(checkpoint)) if paths else np.empty((0, 0), np.float32),
        least=float(least or 1),
    )
    return ModelAxis(work, found.renamed(settings.concepts.names), lookalikes)


def _fit(
    work: Workspace, parts: Iterable[str], settings: ConceptSettings, encoder: Encoder
) -> ConceptMap:
    model = settings.model or ""
    if settings.method == "Prompts":
        return concepts_of_prompts(
            settings.prompts, margin=settings.margin, encoder=encoder, model=model
        )
    return fit_clusters(
        sample_vectors(work, parts, settings.sample, settings.seed),
        k=settings.k,
        seed=settings.seed,
        encoder=encoder,
        model=model,
        vocabulary=settings.vocabulary,
    )
