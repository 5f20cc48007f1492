"""The stages of a build, each over the parts that the one before has left."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, final

from mixatlas.contract.canonical import canonical_json, sha256_hex
from mixatlas.corpus.cells import CellRules, label_part
from mixatlas.corpus.checkpoint import checkpoint_folder
from mixatlas.corpus.concepts.axis import ColumnAxis, ConceptAxis
from mixatlas.corpus.contamination import ItemImage, Overlaps, images_digest, item_images
from mixatlas.corpus.document import CorpusDocument, SourceConfig
from mixatlas.corpus.files import Files
from mixatlas.corpus.parts import PartMarker, PartRecord, read_part
from mixatlas.corpus.raw import Unit
from mixatlas.corpus.readers import open_reader
from mixatlas.corpus.tally import Tally
from mixatlas.corpus.tasks import built_in_digest

if TYPE_CHECKING:
    from mixatlas.corpus.concepts.find import ModelAxis

OpenFiles = Callable[[str], Files]
OnProgress = Callable[[str, int, int], None]
"""Takes the stage (`read`, `embed`, `label`), how much is done, and of how much: parts, or
samples at most whose images are embedded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part that has been read."""

    path: Path
    marker: PartMarker
    source: SourceConfig


@final
class Stages:
    """The stages of one document; what they make of each part stays in a folder.

    Args:
        document: Path of the document; what it names is relative to it.
        settings: Its content.
        folder: Folder for what the stages make.
        open_files: Opens what the document names: `s3://…`, or a path.
        on_progress: Called after each part, and after each batch of images.
    """

    def __init__(
        self,
        document: Path,
        settings: CorpusDocument,
        *,
        folder: Path,
        open_files: OpenFiles,
        on_progress: OnProgress,
    ) -> None:
        self._document = document
        self._settings = settings
        self._folder = folder
        self._open_files = open_files
        self._on_progress = on_progress

    def read(self) -> list[Part]:
        """Read the sources, those parts that are not there yet.

        Raises:
            CorpusInvalid: A source cannot be read.
        """
        n_parts = len(self._settings.sources) * self._settings.parts
        parts = []
        for source in self._settings.sources:
            for part in self._read_source(source):
                parts.append(part)
                self._on_progress("read", len(parts), n_parts)
        return parts

    def columns(self) -> ColumnAxis:
        """Return the concepts that the sources' columns tell."""
        return ColumnAxis(self._settings.concepts)

    def find(self, parts: Sequence[Part], centroids: Path | None) -> ModelAxis:
        """Embed the images of all parts, and find their concepts by a model.

        Args:
            parts: All of the corpus.
            centroids: `concepts.json` of another corpus, to be used instead of a fit.

        Raises:
            SpecError: The model or the centroids cannot be used.
            CorpusInvalid: A part is damaged, or there are too few images.
        """
        # torch and transformers take seconds and a gigabyte, and columns need neither.
        from mixatlas.corpus.concepts.concept_map import load_concept_map
        from mixatlas.corpus.concepts.find import find_concepts

        known = load_concept_map(centroids) if centroids else None
        n_samples = sum(part.marker.samples for part in parts)
        embedded = 0

        def on_images(n: int) -> None:
            nonlocal embedded
            embedded += n
            self._on_progress("embed", embedded, n_samples)

        checkpoint = checkpoint_folder(
            self._settings.concepts.model or "", self._document, self._folder, self._open_files
        )
        return find_concepts(
            {part.path: part.marker.input for part in parts},
            self._settings,
            checkpoint,
            known=known,
            items=self._item_images,
            on_images=on_images,
        )

    def label(self, parts: Sequence[Part], axis: ConceptAxis) -> tuple[Tally, Counter[str]]:
        """Give every sample of all parts its cell.

        Returns:
            (samples used and left out, by either stage; samples by `CONCEPT.TASK`)

        Raises:
            CorpusInvalid: A part is damaged.
        """
        tally, cells = Tally(), Counter[str]()
        settings = self._settings
        images, similarity = self._item_images, settings.contamination.similarity
        labels = [axis.identity, settings.tasks.to_plain(), built_in_digest()]
        labels += [images_digest(images), similarity or ""]
        for index, part in enumerate(parts):
            source = part.source
            identity = [part.marker.input, source.origin, source.concept, *labels]
            rules = CellRules(
                concepts=functools.partial(axis.concepts_of, part.path, source.concept),
                overlaps=functools.partial(_overlaps, images, axis, part.path),
                tasks=settings.tasks,
                origin=source.origin,
                identity=sha256_hex(canonical_json(identity)),
            )
            found = label_part(part.path, rules)
            for marker in (part.marker, found):
                n_named = len(marker.broken_samples)
                tally.leave_out(*marker.broken_samples, unnamed=marker.broken - n_named)
            tally.used += found.samples
            cells.update(found.cells)
            self._on_progress("label", index + 1, len(parts))
        return tally, cells

    @functools.cached_property
    def _item_images(self) -> list[ItemImage]:
        items = self._settings.items
        return item_images(self._document.parent / items) if items else []

    def _read_source(self, source: SourceConfig) -> Iterator[Part]:
        """Read the parts of one source that are not there yet; yield all."""
        n_parts = self._settings.parts
        files = self._open_files(self._place(source.uri))
        images = self._open_files(self._place(source.images)) if source.images else files
        reader = open_reader(source.format, files, images, source.columns)
        versions = {info.name: info.version for info in files.list()}
        divided: list[list[Unit]] = [[] for _ in range(n_parts)]
        for unit in reader.units(n_parts):
            divided[unit.part(n_parts)].append(unit)
        for index, units in enumerate(divided):
            # A file that a source names and lacks has no version: whoever reads it will say so.
            read = [(unit.file, unit.piece, versions.get(unit.file)) for unit in units]
            identity = [source.to_plain(), n_parts, index, read]
            path = self._folder / f"{source.name}-{index:05d}.tar"
            fingerprint = sha256_hex(canonical_json(identity))
            marker = read_part(reader, units, n_parts, path=path, fingerprint=fingerprint)
            yield Part(path=path, marker=marker, source=source)

    def _place(self, place: str) -> str:
        return place if place.startswith("s3://") else str(self._document.parent / place)


def _overlaps(
    images: Sequence[ItemImage], axis: ConceptAxis, part: Path
) -> Callable[[PartRecord], str]:
    return Overlaps(images, axis.similar(part)).of
