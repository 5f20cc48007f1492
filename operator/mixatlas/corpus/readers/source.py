"""What a reader reads from, and how it gives its samples, sound or broken."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO

from mixatlas.contract.errors import CorpusInvalid
from mixatlas.contract.manifest import Turn
from mixatlas.corpus.files import FileMissing, Files
from mixatlas.corpus.raw import BrokenSample, RawImage, RawSample, Unit
from mixatlas.corpus.readers.columns import Columns, Unusable
from mixatlas.corpus.readers.json_pieces import Piece, pieces

LONGEST_REASON = 300
JSON_SUFFIXES = (".json", ".jsonl")
LABELS = ("concept", "task", "origin")
Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A source of samples.

    Args:
        files: Its annotations, or whatever its format's files are.
        images: Where paths of images lead.
        columns: Which of its columns is which field.
    """

    files: Files
    images: Files
    columns: Columns

    def sample(
        self,
        record: Record,
        where: str,
        *,
        turns: tuple[Turn, ...],
        images: tuple[RawImage, ...],
        origin: str,
    ) -> RawSample:
        """Return a sample with the labels that its record has, and an origin for want of one.

        Raises:
            Unusable: A label is no text, or the document names one that the record lacks.
        """
        concept, task, found = (self.label(record, field) for field in LABELS)
        return RawSample(
            where=where,
            turns=turns,
            images=images,
            origin=found or origin,
            concept=concept,
            task=task,
        )

    def label(self, record: Record, field: str) -> str | None:
        """Return concept, task or origin, from the column that the document names for it.

        Raises:
            Unusable: The record lacks it, or it is no text.
        """
        if field in self.columns.named:
            return self.columns.text(record, field)
        usual = record.get(self.columns.usual.get(field, ""))
        return usual.strip() if isinstance(usual, str) else None

    @contextmanager
    def opened(self, name: str) -> Iterator[BinaryIO]:
        """Open a file for the time of the block.

        Raises:
            CorpusInvalid: It cannot be read (any more).
        """
        try:
            with self.files.open(name) as file:
                yield file
        except FileMissing as error:
            raise CorpusInvalid(str(error), hint="Leave it as it is until it is read.") from error

    def names(self, suffixes: Collection[str], *, what: str) -> Sequence[str]:
        """Return the names of the files that end in one of some suffixes, sorted.

        Raises:
            CorpusInvalid: There is none.
        """
        names = [
            info.name for info in self.files.list() if info.name.lower().endswith(tuple(suffixes))
        ]
        if not names:
            raise CorpusInvalid(
                f"no {what} among the files", hint=f"Their names end in {' or '.join(suffixes)}."
            )
        for name in names:
            if any("\ud800" <= letter <= "\udfff" for letter in name):
                raise CorpusInvalid(f"{name!r}: a name that is not UTF-8", hint="Rename it.")
        return names


def json_units(source: Source, n_parts: int) -> Sequence[Unit]:
    """Return the units of a source of JSON arrays or JSON lines.

    Raises:
        CorpusInvalid: It has no such file.
    """
    return strided_units(source.names(JSON_SUFFIXES, what="JSON"), n_parts)


def strided_units(names: Sequence[str], n_parts: int) -> Sequence[Unit]:
    """Return the units of files that are read from their start by every part that has a piece."""
    return [Unit(file=name, piece=piece) for name in names for piece in range(n_parts)]


def sample_or_broken(where: str, make: Callable[[], RawSample]) -> RawSample | BrokenSample:
    """Make a sample; one that is unusable becomes a value."""
    try:
        return make()
    except Unusable as error:
        return BrokenSample(where=where, reason=str(error)[:LONGEST_REASON])


def read_json(
    source: Source, unit: Unit, n_parts: int, make: Callable[[Record, str], RawSample]
) -> Iterator[RawSample | BrokenSample]:
    """Yield the samples of every `n_parts`-th record of a JSON array or of JSON lines.

    Args:
        source: It is from.
        unit: The file, and which of the records.
        n_parts: How many share them.
        make: Makes a sample from a record and its place, or raises `Unusable`.

    Raises:
        CorpusInvalid: The file is no JSON, or its first record lacks a column that the document
            names (but the image: there are samples without).
    """
    with source.opened(unit.file) as file:
        is_checked = False
        for piece in pieces(file, unit.file):
            is_mine = piece.index % n_parts == unit.piece
            if is_mine or not is_checked:
                record = _parse(piece)
                if not is_checked and isinstance(record, dict):
                    source.columns.check(record, file=unit.file, but=("image",))
                    is_checked = True
                if is_mine:
                    yield _made(piece, record, make)


def _parse(piece: Piece) -> dict[str, Any] | Unusable:
    try:
        return piece.parse()
    except Unusable as error:
        return error


def _made(
    piece: Piece, record: dict[str, Any] | Unusable, make: Callable[[Record, str], RawSample]
) -> RawSample | BrokenSample:
    if isinstance(record, Unusable):
        return BrokenSample(where=piece.where, reason=str(record))
    return sample_or_broken(piece.where, lambda: make(record, piece.where))
