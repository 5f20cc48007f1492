"""COCO's annotations, beside the image that each belongs to.

A COCO file has its images and its annotations in two arrays, in any order. Both are read once and
sorted outside of memory by the image's id: memory holds a run of the sort, then one image with
its annotations, however long the file. The first sample therefore comes after the last byte was
read.
"""

from __future__ import annotations

import itertools
import json
import tempfile
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from mixatlas.contract.errors import CorpusInvalid
from mixatlas.corpus.external_sort import ExternalSort
from mixatlas.corpus.raw import BrokenSample, Unit
from mixatlas.corpus.readers.columns import MISSING, Unusable, find, kind_of
from mixatlas.corpus.readers.json_pieces import Piece, members
from mixatlas.corpus.readers.source import LABELS, Source
from mixatlas.spec.places import did_you_mean

RUN_BYTES = 16 * 2**20
_ID = {"images": "id", "annotations": "image_id"}
_LARGEST_ID = 10**19


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An element of one of the arrays: its place, and the fields that samples are made of."""

    where: str
    record: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """An image with its annotations in the file's order, which are read as they are taken."""

    image: Entry
    annotations: Iterator[Entry]


@final
class CocoJoin:
    """Reads one COCO file.

    Args:
        source: It is from.
        unit: The file, and which share of its images, told by their ids.
        n_parts: How many share them.
        fields: Of images and annotations that samples are made of, beside labels.
        categories: Takes every category; None passes over them.
        is_cut_usable: Whether images may be used though annotations of theirs may be missing.
    """

    def __init__(
        self,
        source: Source,
        unit: Unit,
        n_parts: int,
        *,
        fields: Collection[str],
        categories: Callable[[Mapping[str, Any]], None] | None = None,
        is_cut_usable: bool,
    ) -> None:
        self._source = source
        self._unit = unit
        self._n_parts = n_parts
        named = source.columns.named
        labels = [named[label] for label in LABELS if label in named]
        self._roots = {*fields, *labels, *(name.partition(".")[0] for name in labels)}
        self._lacking = {label: named[label] for label in LABELS if label in named}
        self._categories = categories
        self._is_cut_usable = is_cut_usable
        self._n_found = dict.fromkeys(_ID, 0)
        self._last: Piece | None = None

    def __iter__(self) -> Iterator[Joined | BrokenSample]:
        """Yield the share's images that have annotations, by id, and what is broken.

        Raises:
            CorpusInvalid: The file is not COCO, or lacks a column that the document names.
        """
        with tempfile.TemporaryDirectory(prefix="mixatlas-") as folder:
            rows = ExternalSort(Path(folder), run_bytes=RUN_BYTES)
            yield from self._collect(rows)
            if self._last is None or self._is_cut_usable:
                yield from _join(rows)
            if self._last is not None and self._unit.piece == 0:
                reason = self._last.fault or ""
                if not self._is_cut_usable:
                    reason += ": any image may lack annotations, so that none is used"
                yield BrokenSample(where=self._last.where, reason=reason)

    def _collect(self, rows: ExternalSort) -> Iterator[BrokenSample]:
        keys = [*_ID] if self._categories is None else [*_ID, "categories"]
        with self._source.opened(self._unit.file) as file:
            for piece in members(file, self._unit.file, keys):
                if piece.is_last:
                    self._last = piece
                    break
                try:
                    self._take(piece, rows)
                except Unusable as error:
                    if piece.index % self._n_parts == self._unit.piece:
                        yield BrokenSample(where=piece.where, reason=str(error))
        if self._last is None:
            self._check()

    def _take(self, piece: Piece, rows: ExternalSort) -> None:
        if piece.key == "categories":
            if self._categories is not None:
                self._categories(piece.parse())
            return
        self._n_found[piece.key] += 1
        record = piece.parse()
        self._lacking = {
            label: name for label, name in self._lacking.items() if find(record, name) is MISSING
        }
        key = _key(record.get(_ID[piece.key]), _ID[piece.key])
        if zlib.crc32(key) % self._n_parts != self._unit.piece:
            return
        kept = {name: record[name] for name in self._roots if name in record}
        try:
            content = json.dumps([piece.where, kept])
        except RecursionError as error:
            raise Unusable("nested too deeply") from error
        order = b"%d%012d" % (piece.key == "annotations", piece.index)
        rows.add(b"\t".join((key, order, content.encode())))

    def _check(self) -> None:
        file = self._unit.file
        for key, n_found in self._n_found.items():
            if not n_found:
                raise CorpusInvalid(
                    f"{file}: has no `{key}`",
                    hint="COCO has an array of each: images, annotations.",
                )
        for label, name in self._lacking.items():
            raise CorpusInvalid(
                f"{file}: no column `{name}`, which `columns.{label}` names",
                hint=did_you_mean(name, sorted(self._roots - {name})),
            )


def _key(value: object, name: str) -> bytes:
    """Return an id as bytes without a tab; those of numbers sort as the numbers."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _LARGEST_ID:
        return b"%020d" % value
    if isinstance(value, str):
        return json.dumps(value).encode()
    raise Unusable(f"{name}: must be a whole number or text, not {kind_of(value)}")


def _join(rows: ExternalSort) -> Iterator[Joined | BrokenSample]:
    for key, lines in itertools.groupby(rows, key=lambda line: line.partition(b"\t")[0]):
        kinds = itertools.groupby(lines, key=lambda line: line.split(b"\t", 2)[1][:1])
        kind, members_of_kind = next(kinds)
        if kind == b"1":
            name = key.decode().lstrip("0") or "0"
            for entry in map(_entry, members_of_kind):
                yield BrokenSample(
                    where=entry.where, reason=f"image_id {name} is not among the images"
                )
            continue
        image, *others = map(_entry, members_of_kind)
        for other in others:
            yield BrokenSample(where=other.where, reason=f"its id is that of {image.where} too")
        _, annotations = next(kinds, (b"", iter(())))
        if not others:
            yield Joined(image=image, annotations=map(_entry, annotations))


def _entry(line: bytes) -> Entry:
    where, record = json.loads(line.split(b"\t", 2)[2])
    return Entry(where=where, record=record)
