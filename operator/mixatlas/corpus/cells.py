"""The label stage: every sample of a part gets its cell, kept as lines of `PART.cells`."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pydantic import ValidationError

from mixatlas.contract.canonical import Record, canonical_json
from mixatlas.contract.errors import CorpusInvalid
from mixatlas.contract.manifest import Turn
from mixatlas.corpus.concepts.axis import TEXT, Belonging, NoConcept
from mixatlas.corpus.labelled import LabelledSample
from mixatlas.corpus.parts import PartRecord, stored_samples, tar_of
from mixatlas.corpus.raw import BrokenSample, RawImage, RawSample
from mixatlas.corpus.stage import StageMarker, Workspace, read_marker, run_stage
from mixatlas.corpus.tally import Tally
from mixatlas.corpus.tasks import Decision, Decisions, TaskSettings, label_sample


class CellLine(Record):
    """Turns of one sample that have one cell; `images` are references for `PartPictures`.

    `cosine`: of the first image with its concept's vector. `overlap`: what it has in common with
    a benchmark; empty for nothing.
    """

    where: str
    turns: tuple[Turn, ...]
    images: tuple[str, ...]
    hashes: tuple[str, ...]
    concept: str
    cosine: float | None
    task: str
    source: str
    overlap: str


class CellsMarker(StageMarker):
    """`PART.cells.json`: what was made of samples; `cells` counts lines by `CONCEPT.TASK`.

    `confusion`: the counts of a `Confusion` of given tasks and those of the rules.
    """

    samples: int
    cells: dict[str, int]
    broken: int
    broken_samples: tuple[BrokenSample, ...]
    decisions: tuple[Decision, ...]
    confusion: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CellRules:
    """How samples of one part get their cell.

    Args:
        concepts: Returns what gives samples with an image their concept, or raises NoConcept; it
            is asked only if there is something to do.
        overlaps: Returns what tells what a sample has in common with benchmarks; likewise.
        tasks: Of the document.
        origin: For samples whose source tells none.
        identity: Digest of all of these; another one has the part labelled anew.
    """

    concepts: Callable[[], Callable[[PartRecord], Belonging]]
    overlaps: Callable[[], Callable[[PartRecord], str]]
    tasks: TaskSettings
    origin: str
    identity: str


def label_part(work: Workspace, part: str, rules: CellRules) -> CellsMarker:
    """Label the samples of a finished part, unless that has been done.

    Args:
        work: Where the part lies.
        part: Its name.
        rules: For it.

    Raises:
        CorpusInvalid: The part is damaged.
    """

    def write(file: BinaryIO) -> CellsMarker:
        tally, cells, decisions = Tally(), Counter[str](), Decisions(rules.tasks)
        for line in _lines(work.path(tar_of(part)), rules, tally, decisions):
            file.write(line.to_bytes())
            cells[f"{line.concept}.{line.task}"] += 1
        return CellsMarker(
            input=rules.identity,
            samples=tally.used,
            cells=dict(sorted(cells.items())),
            broken=tally.broken,
            broken_samples=tuple(tally.named),
            decisions=decisions.made(),
            confusion=decisions.confusion().counts,
        )

    return run_stage(work, _file_of(part), CellsMarker, rules.identity, write)


def cells_of(work: Workspace, part: str) -> CellsMarker:
    """Return the marker of a part that was labelled.

    Raises:
        CorpusInvalid: It was not.
    """
    if marker := read_marker(work, _file_of(part), CellsMarker):
        return marker
    raise CorpusInvalid(f"part {part} is not labelled", hint="Run stage assign.")


def _file_of(part: str) -> str:
    return f"{part}.cells"


def labelled_samples(
    work: Workspace, parts: Iterable[str], *, moved: Mapping[str, str], held_out: float
) -> Iterator[LabelledSample]:
    """Yield the labelled samples of parts, in their order.

    Args:
        work: Where the parts lie.
        parts: Their names; all are labelled.
        moved: Concepts of cells that joined another one, by `CONCEPT.TASK`.
        held_out: Share of images whose samples are held out. An image's content alone decides,
            so that it is on the same side whatever is added, and in all its samples.

    Raises:
        CorpusInvalid: A part's lines are damaged.
    """
    for part in parts:
        path = work.path(_file_of(part))
        with path.open("rb") as file:
            for number, content in enumerate(file, 1):
                try:
                    line = CellLine.model_validate_json(content)
                except ValidationError as error:
                    raise CorpusInvalid(
                        f"{path}:{number}: {error}", hint="Remove it and build again."
                    ) from error
                cell = f"{line.concept}.{line.task}"
                concept = moved.get(cell, line.concept)
                content_of = [line.hashes, [turn.to_plain() for turn in line.turns]]
                split_by = line.hashes[0].encode() if line.hashes else canonical_json(content_of)
                yield LabelledSample(
                    where=line.where,
                    turns=line.turns,
                    images=line.images,
                    concept=concept,
                    task=line.task,
                    source=line.source,
                    identity=canonical_json([concept, line.task, *content_of]),
                    overlap=line.overlap,
                    is_held_out=_is_within(split_by, held_out),
                    cosine=None if cell in moved else line.cosine,
                )


def _is_within(content: bytes, share: float) -> bool:
    """Whether content is among a share of all content, by its hash."""
    return int.from_bytes(hashlib.sha256(b"hold-out/" + content).digest()[:8]) < share * 2**64


def _lines(tar: Path, rules: CellRules, tally: Tally, decisions: Decisions) -> Iterator[CellLine]:
    """Yield a line for every cell of every usable sample; count and name the others."""
    concept_of, overlap_of = rules.concepts(), rules.overlaps()
    for stored in stored_samples(tar):
        record = stored.record
        try:
            belonging = concept_of(record) if record.images else Belonging(TEXT)
            labelled = label_sample(_raw(record, rules.origin), rules.tasks)
        except (NoConcept, CorpusInvalid) as error:
            reason = error.message if isinstance(error, CorpusInvalid) else str(error)
            tally.leave_out(BrokenSample(where=record.where, reason=reason))
            continue
        tally.used += 1
        decisions.note(labelled)
        for found in labelled:
            yield CellLine(
                where=record.where,
                turns=found.sample.turns,
                images=stored.references,
                hashes=record.hashes,
                concept=belonging.concept,
                cosine=belonging.cosine,
                task=found.task,
                source=found.sample.origin,
                overlap=overlap_of(record),
            )


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
