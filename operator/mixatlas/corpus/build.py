"""`corpus build`: sources → parts → labelled samples → a corpus folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mixatlas.contract.canonical import canonical_json, sha256_hex
from mixatlas.contract.errors import CorpusInvalid
from mixatlas.corpus.concepts import NoConcept, concept_of
from mixatlas.corpus.document import CorpusDocument, SourceConfig, load_document
from mixatlas.corpus.files import Files
from mixatlas.corpus.labelled import LabelledSample
from mixatlas.corpus.parts import (
    PartMarker,
    PartPictures,
    PartRecord,
    read_part,
    stored_samples,
)
from mixatlas.corpus.raw import BrokenSample, RawImage, RawSample, Unit
from mixatlas.corpus.readers import open_reader
from mixatlas.corpus.tally import Tally
from mixatlas.corpus.tasks import built_in_digest, label_sample
from mixatlas.corpus.writer import PackReport, write_corpus

OpenFiles = Callable[[str], Files]


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildReport:
    """What was built, and how much was left out."""

    pack: PackReport
    tally: Tally


def build(
    document: Path,
    out: Path,
    *,
    open_files: OpenFiles,
    on_part: Callable[[int, int], None] = lambda done, of: None,
) -> BuildReport:
    """Build a corpus from its sources.

    Parts are kept in `OUT.parts`: a build that was ended goes on behind the last one, the next
    build reads only those whose input has changed, and whoever removes the folder has everything
    read again. Image files beside a source are not watched: remove the parts when they change.
    Equal inputs and documents give equal bytes.

    Args:
        document: A corpus document (`corpus.yaml`).
        out: Folder to make. It appears whole at the end, or not at all.
        open_files: Opens what the document names: `s3://…`, or a path.
        on_part: Called with the number of parts done, and of all, after each.

    Returns:
        The manifest, and the samples that were left out.

    Raises:
        SpecError: The document is wrong, or `out` exists.
        CorpusInvalid: A source cannot be read, or too many of the samples cannot be used.
    """
    settings = load_document(document)
    folder = out.with_name(f"{out.name}.parts")
    folder.mkdir(parents=True, exist_ok=True)
    tally = Tally()
    paths = []
    for source in settings.sources:
        for path, marker in _read_source(source, settings.parts, folder, document, open_files):
            paths.append(path)
            named = marker.broken_samples
            tally.leave_out(*named, unnamed=marker.broken - len(named))
            on_part(len(paths), len(settings.sources) * settings.parts)
    report = write_corpus(
        out,
        _labelled(paths, settings, tally),
        PartPictures(folder),
        settings=settings,
        tokenizer_folder=document.parent / settings.tokenizer,
        labels=sha256_hex(
            canonical_json(
                [settings.concepts.to_plain(), settings.tasks.to_plain(), built_in_digest()]
            )
        ),
        items=document.parent / settings.items if settings.items else None,
    )
    return BuildReport(pack=report, tally=tally)


def _read_source(
    source: SourceConfig, n_parts: int, folder: Path, document: Path, open_files: OpenFiles
) -> Iterator[tuple[Path, PartMarker]]:
    """Read the parts of one source that are not there yet; yield each with its marker."""
    files = open_files(_place(source.uri, document))
    images = open_files(_place(source.images, document)) if source.images else files
    reader = open_reader(source.format, files, images, source.columns)
    versions = {info.name: info.version for info in files.list()}
    divided: list[list[Unit]] = [[] for _ in range(n_parts)]
    for unit in reader.units(n_parts):
        divided[unit.part(n_parts)].append(unit)
    for index, units in enumerate(divided):
        read = [(unit.file, unit.piece, versions[unit.file]) for unit in units]
        identity = [source.to_plain(), n_parts, index, read]
        path = folder / f"{source.name}-{index:05d}.tar"
        fingerprint = sha256_hex(canonical_json(identity))
        yield path, read_part(reader, units, n_parts, path=path, fingerprint=fingerprint)


def _place(place: str, document: Path) -> str:
    return place if place.startswith("s3://") else str(document.parent / place)


def _labelled(
    paths: list[Path], settings: CorpusDocument, tally: Tally
) -> Iterator[LabelledSample]:
    """Yield every usable sample with its cell; at the end, see whether too many were not."""
    origins = {source.name: source.origin for source in settings.sources}
    for path in paths:
        origin = origins[path.name.rpartition("-")[0]]
        for stored in stored_samples(path):
            record = stored.record
            try:
                concept = concept_of(
                    record.concept, has_image=bool(record.images), settings=settings.concepts
                )
                parts = label_sample(_raw(record, origin), settings.tasks)
            except (NoConcept, CorpusInvalid) as error:
                reason = error.message if isinstance(error, CorpusInvalid) else str(error)
                tally.leave_out(BrokenSample(where=record.where, reason=reason))
                continue
            tally.used += 1
            for part in parts:
                turns = part.sample.turns
                content = [record.hashes, [turn.to_plain() for turn in turns]]
                yield LabelledSample(
                    where=record.where,
                    turns=turns,
                    images=stored.references,
                    concept=concept,
                    task=part.task,
                    source=part.sample.origin,
                    identity=canonical_json([concept, part.task, *content]),
                )
    tally.check(settings.max_broken)


def _raw(record: PartRecord, origin: str) -> RawSample:
    """Return a sample as the rules take it; they look at no pixels."""
    return RawSample(
        where=record.where,
        turns=record.turns,
        images=tuple(RawImage(name=name, content=b"") for name in record.images),
        origin=record.origin or origin,
        concept=record.concept,
        task=record.task,
    )
