"""`atlas.json`: what a build has found and neither shards nor manifest tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from mixatlas.contract.canonical import DecimalString, Record, canonical_json, sha256_hex
from mixatlas.contract.errors import CorpusInvalid
from mixatlas.contract.manifest import Sha256
from mixatlas.corpus.cells import CellsMarker
from mixatlas.corpus.document import CorpusDocument
from mixatlas.corpus.nearest import NearImage
from mixatlas.corpus.raw import BrokenSample
from mixatlas.corpus.tally import Tally
from mixatlas.corpus.tasks import Confusion, Decision, add_up

ATLAS = "atlas.json"


class SourceSummary(Record):
    """A source of the document."""

    name: str
    format: str


class DocumentSummary(Record):
    """What a corpus was built by. `digest`: of the whole document, as canonical JSON.

    `k`, `sample` and `concept_seed` are None unless clusters were looked for; so is `margin`
    unless the concepts are those of prompts. `model` is None for the method Column.
    """

    digest: Sha256
    sources: tuple[SourceSummary, ...]
    method: Literal["Clusters", "Prompts", "Column"]
    model: str | None
    k: int | None
    sample: int | None
    concept_seed: int | None
    margin: DecimalString | None
    min_samples: int
    tokenizer: str
    seed: int
    hold_out: DecimalString
    duplicates: Literal["Remove", "Report"]
    contamination: Literal["Remove", "Report"]
    similarity: DecimalString | None


class JoinedCell(Record):
    """A cell of too few samples, `CONCEPT.TASK`, and the concept that it has joined."""

    cell: str
    samples: int
    concept: str


class Atlas(Record):
    """What a build has found. Equal inputs and documents give equal bytes.

    `has_given_concepts`: they are those of another corpus. `used` and `broken` count samples, of
    which the first broken ones are named. `confusion`: rows are tasks that sources give, columns
    those of the rules, as in `Confusion`. `nearest`: images by concept, the nearest first; none
    of a concept without a vector.
    """

    schema_version: Literal[1] = 1
    document: DocumentSummary
    has_given_concepts: bool
    joined: tuple[JoinedCell, ...]
    used: int = Field(ge=0)
    broken: int = Field(ge=0)
    broken_samples: tuple[BrokenSample, ...]
    decisions: tuple[Decision, ...]
    confusion: tuple[tuple[int, ...], ...]
    nearest: dict[str, tuple[NearImage, ...]] = Field({})


def begin_atlas(
    settings: CorpusDocument,
    markers: Sequence[CellsMarker],
    tally: Tally,
    *,
    joined: Mapping[str, str],
    cells: Mapping[str, int],
    has_given_concepts: bool,
) -> Atlas:
    """Return what is known before shards are written: all but the nearest images.

    Args:
        settings: The document.
        markers: Of the cells of all parts.
        tally: Samples used and left out.
        joined: The concept that a small cell joins, by `CONCEPT.TASK`.
        cells: Samples by `CONCEPT.TASK`, before.
        has_given_concepts: Whether they are those of another corpus.
    """
    compared = sum((Confusion(counts=marker.confusion) for marker in markers), Confusion())
    return Atlas(
        document=_summary(settings),
        has_given_concepts=has_given_concepts,
        joined=tuple(
            JoinedCell(cell=cell, samples=cells[cell], concept=concept)
            for cell, concept in sorted(joined.items())
        ),
        used=tally.used,
        broken=tally.broken,
        broken_samples=tuple(tally.named),
        decisions=add_up(made for marker in markers for made in marker.decisions),
        confusion=compared.counts,
    )


def load_atlas(folder: Path) -> Atlas | None:
    """Read the atlas of a corpus, None where it has none: one that was packed.

    Raises:
        CorpusInvalid: It is damaged, or of another version.
    """
    path = folder / ATLAS
    try:
        return Atlas.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError as error:
        raise CorpusInvalid(f"{path}: {error}", hint="Build the corpus again.") from error


def _summary(settings: CorpusDocument) -> DocumentSummary:
    concepts = settings.concepts
    has_clusters = concepts.method == "Clusters"
    return DocumentSummary(
        digest=sha256_hex(canonical_json(settings.to_plain())),
        sources=tuple(SourceSummary(name=one.name, format=one.format) for one in settings.sources),
        method=concepts.method,
        model=concepts.model,
        k=concepts.k if has_clusters else None,
        sample=concepts.sample if has_clusters else None,
        concept_seed=concepts.seed if has_clusters else None,
        margin=concepts.margin if concepts.method == "Prompts" else None,
        min_samples=concepts.min_samples,
        tokenizer=settings.tokenizer,
        seed=settings.seed,
        hold_out=settings.hold_out,
        duplicates=settings.duplicates,
        contamination=settings.contamination.method,
        similarity=settings.contamination.similarity,
    )
