"""`corpus.yaml`: from which sources a corpus is built, and what its axes are."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from mixatlas.contract.canonical import DecimalString, Record
from mixatlas.contract.errors import SpecError
from mixatlas.contract.manifest import AxisValue
from mixatlas.corpus.concepts.settings import ConceptSettings
from mixatlas.corpus.config import PackConfig, check_metrics
from mixatlas.corpus.document_checks import find_local_places, find_mistakes
from mixatlas.corpus.readers import FORMATS
from mixatlas.corpus.tasks import TaskSettings
from mixatlas.spec.load import load_record
from mixatlas.spec.messages import NOT_A_CHOICE
from mixatlas.spec.model import Name
from mixatlas.spec.places import Document


def _share(text: str) -> str:
    if not 0 <= float(text) <= 1:
        raise ValueError("must be from 0 to 1")
    return text


def _known(name: str) -> str:
    if name not in FORMATS:
        raise PydanticCustomError(NOT_A_CHOICE, "must be one of {choices}", {"choices": [*FORMATS]})
    return name


FormatName = Annotated[
    str, AfterValidator(_known), WithJsonSchema({"type": "string", "enum": [*FORMATS]})
]


class SourceConfig(Record):
    """One source. `uri` and `images` are relative to the document, or `s3://…`.

    `images` is the folder that image paths lead into; left out, the source's own. `columns` maps
    our fields to the source's names. `origin` and `concept` stand for samples whose source tells
    none.
    """

    name: Name = Field(description="Parts are named after it.")
    format: FormatName = Field(description=f"One of {', '.join(FORMATS)}.")
    uri: str = Field(min_length=1, max_length=1024, description="A file, a folder, or s3://….")
    images: str | None = Field(None, min_length=1, max_length=1024)
    columns: dict[str, str] = Field({}, max_length=16)
    origin: str = Field("", max_length=256)
    concept: AxisValue | None = None


class Contamination(Record):
    """What becomes of samples whose image a benchmark asks about.

    The same image, or one whose embedding has at least the cosine `similarity` with it: they are
    removed, or reported alone; either way `left-out.jsonl` names them.
    """

    method: Literal["Remove", "Report"] = "Remove"
    similarity: Annotated[DecimalString, AfterValidator(_share)] | None = None


class CorpusDocument(PackConfig):
    """The whole document. Equal documents and inputs give equal bytes.

    `parts`: how many each source is read in. `maxBroken`: share of samples that may be unusable.
    `items`: the benchmarks' JSON lines, relative to the document. `duplicates`: of samples of one
    domain with equal images and turns one is kept, or all, and they are reported. `holdOut`:
    share of the images, with all their samples, that is packed apart, in `held-out/`.
    """

    sources: tuple[SourceConfig, ...] = Field(
        min_length=1, max_length=64, description="Where samples come from."
    )
    parts: int = Field(1, ge=1, le=10_000)
    concepts: ConceptSettings
    tasks: TaskSettings = TaskSettings()
    max_broken: Annotated[DecimalString, AfterValidator(_share)] = "0"
    items: str | None = None
    duplicates: Literal["Remove", "Report"] = "Remove"
    hold_out: Annotated[DecimalString, AfterValidator(_share)] = "0"
    contamination: Contamination = Contamination()


OWN_FIELDS = frozenset(
    field.alias or name
    for name, field in CorpusDocument.model_fields.items()
    if name not in PackConfig.model_fields
)
"""What tells a corpus document from others: `pack.yaml` has the rest too."""


def load_document(path: Path) -> CorpusDocument:
    """Read a corpus document from a file.

    Raises:
        SpecError: The file is missing, or as `read_document`.
        NotYetSupported: As `read_document`.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(f"{path}: {error}", hint="Give a corpus document as YAML.") from error
    return read_document(text, filename=str(path))


def read_document(text: str, *, filename: str) -> CorpusDocument:
    """Read a corpus document.

    Args:
        text: As YAML.
        filename: For messages.

    Raises:
        SpecError: Fields are wrong; it lists all of them with file:line:column and remedy.
        NotYetSupported: A metric that this version does not have.
    """
    document = Document(text, filename)
    found = load_record(document, CorpusDocument, find_mistakes(document.data))
    if found.contamination.similarity and found.concepts.model is None:
        raise SpecError(
            "contamination.similarity needs a model",
            hint="Find concepts by Clusters or Prompts, or leave it out.",
            where=document.where(("contamination", "similarity")),
        )
    check_metrics(document, found.benchmarks)
    return found


def check_stored(text: str, *, filename: str) -> None:
    """Check that pods can build by a document: that all it names lies in a store.

    Args:
        text: Of a document that is valid.
        filename: For messages.

    Raises:
        SpecError: A place is a path; it lists all with file:line:column.
    """
    document = Document(text, filename)
    if mistakes := list(find_local_places(document.data)):
        document.refuse(mistakes)
