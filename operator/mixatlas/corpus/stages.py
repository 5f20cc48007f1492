"""The stages of a build, each over the parts that the one before has left."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, final

from mixatlas.contract.canonical import canonical_json, sha256_hex
from mixatlas.contract.errors import SpecError
from mixatlas.corpus.cells import CellRules, label_part
from mixatlas.corpus.concepts.axis import ColumnAxis, ConceptAxis
from mixatlas.corpus.concepts.concept_map import CONCEPTS_HINT, ConceptMap, load_concept_map
from mixatlas.corpus.contamination import ItemImage, Overlaps, images_digest, item_images
from mixatlas.corpus.document import CorpusDocument, SourceConfig
from mixatlas.corpus.fetched import Folders
from mixatlas.corpus.files import FileMissing, Files
from mixatlas.corpus.parts import PartMarker, PartRecord, read_part
from mixatlas.corpus.raw import Unit
from mixatlas.corpus.readers import open_reader
from mixatlas.corpus.readers.named import NamedReader
from mixatlas.corpus.stage import Workspace
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

    name: str
    marker: PartMarker
    source: SourceConfig


@final
class Stages:
    """The stages of one document; what they make of each part stays in a workspace.

    Args:
        document: Path of the document; what it names is relative to it.
        settings: Its content.
        work: Where the stages leave what they make.
        open_files: Opens what the document names: `s3://…`, or a path.
        on_progress: Called after each part, and after each batch of images.
    """

    def __init__(
        self,
        document: Path,
        settings: CorpusDocument,
        *,
        work: Workspace,
        open_files: OpenFiles,
        on_progress: OnProgress,
    ) -> None:
        self._document = document
        self._settings = settings
        self._work = work
        self._open_files = open_files
        self._folders = Folders(document=document, scratch=work.folder, open_files=open_files)
        self._on_progress = on_progress

    @functools.cached_property
    def tokenizer(self) -> Path:
        """The folder of the tokenizer. Raises SpecError: There is none."""
        return self._folders.find("tokenizer", self._settings.tokenizer)

    @functools.cached_property
    def items(self) -> Path | None:
        """The JSON lines of benchmark items. Raises SpecError: Their folder is not there."""
        if self._settings.items is None:
            return None
        folder, _, name = self._settings.items.rpartition("/")
        return self._folders.find("items", folder or ".") / name

    @property
    def n_parts(self) -> int:
        """How many parts all sources have together."""
        return len(self._settings.sources) * self._settings.parts

    def read(self) -> list[Part]:
        """Read the sources, those parts that are not there yet.

        Raises:
            CorpusInvalid: A source cannot be read.
        """
        parts = []
        for source in self._settings.sources:
            for part in self._read_source(source, range(self._settings.parts)):
                parts.append(part)
                self._on_progress("read", len(parts), self.n_parts)
        return parts

    def read_one(self, index: int) -> Part:
        """Read one of all parts, unless it is there.

        Args:
            index: Its number, in 0 to `n_parts` - 1.

        Raises:
            CorpusInvalid: As `read`.
        """
        of_source, number = divmod(index, self._settings.parts)
        return next(self._read_source(self._settings.sources[of_source], [number]))

    def run_part(self, stage: str, index: int) -> None:
        """Run a stage of one part, and what it needs of the stages before.

        Args:
            stage: `read`, `embed` or `assign`.
            index: As `read_one`.

        Raises:
            SpecError: There is no such part, or its images need no embedding.
            CorpusInvalid: As the stage; or the stage before was not run.
        """
        if index >= self.n_parts:
            raise SpecError(
                f"there is no part {index}: the document has {self.n_parts}",
                hint="Count from 0, through all sources.",
            )
        has_model = self._settings.concepts.method != "Column"
        if stage == "embed" and not has_model:
            raise SpecError(
                "nothing is embedded where concepts.method is Column", hint="Run stage read."
            )
        part = self.read_one(index)
        if stage == "embed":
            self.embed(part)
        elif stage == "assign":
            self.label([part], self.found() if has_model else self.columns())

    def columns(self) -> ColumnAxis:
        """Return the concepts that the sources' columns tell."""
        return ColumnAxis(self._settings.concepts)

    def embed(self, part: Part) -> None:
        """Embed the images of one part.

        Raises:
            SpecError: The model cannot be used.
            CorpusInvalid: The part is damaged.
        """
        # torch and transformers take seconds and a gigabyte, and columns need neither.
        from mixatlas.corpus.concepts.find import embed_alone

        embed_alone(self._work, part.name, part.marker.input, self._checkpoint)

    def find(self, parts: Sequence[Part], centroids: str | None) -> None:
        """Embed the images of all parts, and find their concepts by a model.

        Args:
            parts: All of the corpus.
            centroids: Place of `concepts.json` of another corpus, to be used instead of a fit.

        Raises:
            SpecError: The model or the centroids cannot be used.
            CorpusInvalid: A part is damaged, or there are too few images.
        """
        from mixatlas.corpus.concepts.find import find_concepts

        known = self._concepts_at(centroids) if centroids else None
        n_samples = sum(part.marker.samples for part in parts)
        embedded = 0

        def on_images(n: int) -> None:
            nonlocal embedded
            embedded += n
            self._on_progress("embed", embedded, n_samples)

        find_concepts(
            self._work,
            {part.name: part.marker.input for part in parts},
            self._settings,
            self._checkpoint,
            known=known,
            on_images=on_images,
        )

    def found(self) -> ModelAxis:
        """Return the concepts that `find` has found.

        Raises:
            SpecError: The document gives a name to a concept that is none.
            CorpusInvalid: None were found yet.
        """
        from mixatlas.corpus.concepts.find import model_axis

        return model_axis(self._work, self._settings, self._checkpoint, self._item_images)

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
                concepts=functools.partial(axis.concepts_of, part.name, source.concept),
                overlaps=functools.partial(_overlaps, images, axis, part.name),
                tasks=settings.tasks,
                origin=source.origin,
                identity=sha256_hex(canonical_json(identity)),
            )
            found = label_part(self._work, part.name, rules)
            for marker in (part.marker, found):
                n_named = len(marker.broken_samples)
                tally.leave_out(*marker.broken_samples, unnamed=marker.broken - n_named)
            tally.used += found.samples
            cells.update(found.cells)
            self._on_progress("label", index + 1, len(parts))
        return tally, cells

    @functools.cached_property
    def _item_images(self) -> list[ItemImage]:
        return item_images(self.items) if self.items else []

    @functools.cached_property
    def _checkpoint(self) -> Path:
        return self._folders.find("concepts.model", self._settings.concepts.model or "")

    def _concepts_at(self, place: str) -> ConceptMap:
        try:
            content = self._open_files(place).read(place.rpartition("/")[2])
        except FileMissing as error:
            raise SpecError(f"--centroids: {error}", hint=CONCEPTS_HINT) from error
        return load_concept_map(content, place)

    def _read_source(self, source: SourceConfig, wanted: Iterable[int]) -> Iterator[Part]:
        """Read those of the wanted parts of a source that are not there yet; yield all of them."""
        n_parts = self._settings.parts
        files = self._open_files(self._place(source.uri))
        images = self._open_files(self._place(source.images)) if source.images else files
        reader = NamedReader(source.name, open_reader(source.format, files, images, source.columns))
        versions = {info.name: info.version for info in files.list()}
        divided: list[list[Unit]] = [[] for _ in range(n_parts)]
        for unit in reader.units(n_parts):
            divided[unit.part(n_parts)].append(unit)
        for index in wanted:
            units = divided[index]
            # A file that a source names and lacks has no version: whoever reads it will say so.
            read = [(unit.file, unit.piece, versions.get(unit.file)) for unit in units]
            identity = [source.to_plain(), n_parts, index, read]
            name = f"{source.name}-{index:05d}"
            fingerprint = sha256_hex(canonical_json(identity))
            marker = read_part(
                reader, units, n_parts, work=self._work, name=name, fingerprint=fingerprint
            )
            yield Part(name=name, marker=marker, source=source)

    def _place(self, place: str) -> str:
        return place if place.startswith("s3://") else str(self._document.parent / place)


def _overlaps(
    images: Sequence[ItemImage], axis: ConceptAxis, part: str
) -> Callable[[PartRecord], str]:
    return Overlaps(images, axis.similar(part)).of
