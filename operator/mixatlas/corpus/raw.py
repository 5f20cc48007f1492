"""Samples as their source has them, before concept and task are known, and who reads them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from mixatlas.contract.manifest import Turn


@dataclass(frozen=True, slots=True, kw_only=True)
class RawImage:
    """An image file: its name in the source, for messages, and its bytes (PNG or JPEG)."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class RawSample:
    """One sample, checked: turns have answers, images have sound headers and an end.

    Args:
        where: Its place, such as `llava.json[17]`, `part.parquet:3:17` (row group, row) or
            `000.tar!KEY`.
        turns: At least one.
        images: In the order of the text; none for a text sample.
        origin: The dataset that it came from, as far as the source tells; may be empty.
        concept: What the source's concept column says, None without one.
        task: What the source's task column says, None without one.
    """

    where: str
    turns: tuple[Turn, ...]
    images: tuple[RawImage, ...] = ()
    origin: str = ""
    concept: str | None = None
    task: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenSample:
    """A sample that cannot be used, with its place and what is wrong with it."""

    where: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """What is read at a time: a piece of a file.

    A piece is a row group, the whole file (0), or every `of`-th sample from the `piece`-th on,
    where a file can only be read from its start.
    """

    file: str
    piece: int = 0

    def part(self, n_parts: int) -> int:
        """Return the part that reads this unit.

        It depends on this unit alone, so that a file that is added touches no part but its own;
        the pieces of one file are dealt out evenly.
        """
        first = int.from_bytes(hashlib.sha256(self.file.encode()).digest()[:8])
        return (first + self.piece) % n_parts


class Reader(Protocol):
    """Reads one source. Streams: memory holds a few samples, whatever the size of a file."""

    def units(self, n_parts: int) -> Sequence[Unit]:
        """Return all units, in an order that depends on the files' names only.

        Raises:
            CorpusInvalid: There is no file that the format could be read from.
        """
        ...

    def read(self, unit: Unit, n_parts: int) -> Iterator[RawSample | BrokenSample]:
        """Yield the unit's samples in an order that depends on the file alone.

        It is the file's own, but for COCO, whose images and annotations must be joined first. A
        file that breaks off in the middle gives the samples before it, then one BrokenSample
        that says so.

        Raises:
            CorpusInvalid: The file is not of this format at all, or lacks a column that the
                document names.
        """
        ...
