"""Samples inside a WebDataset tar, found without unpacking it and without trusting it.

A shard may hold tens of thousands of small members, and a trial opens one or more of every domain.
Python's `tarfile` takes about 30 µs a member; reading the headers ourselves takes a tenth.
"""

from __future__ import annotations

import os
import weakref
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar, final

from pydantic import ValidationError

from mixatlas.contract.canonical import Record
from mixatlas.contract.errors import CorpusInvalid

_BLOCK = 512
_WINDOW = 1 << 18
_REGULAR = (b"0", b"\0")
_FOLDER, _GLOBAL_PAX, _PAX, _GNU_NAME = b"5", b"g", b"x", b"L"
_MAX_NAME_RECORD = 1 << 16

R = TypeVar("R", bound=Record)


@dataclass(frozen=True, slots=True)
class Member:
    """One file of a tar: its name, and where its bytes lie."""

    name: str
    offset: int
    size: int


def members(descriptor: int, where: str) -> Iterator[Member]:
    """Walk over the regular files of a tar (ustar, with pax or GNU long names).

    Args:
        descriptor: An open, readable file; read by position, so it may be shared.
        where: Name for messages.

    Raises:
        CorpusInvalid: A link, a device, an absolute path, a `..`, or not a tar.
    """
    end = os.fstat(descriptor).st_size
    offset, long_name = 0, ""
    window, window_at = b"", 0
    while offset + _BLOCK <= end:
        if not window_at <= offset <= window_at + len(window) - _BLOCK:
            window, window_at = os.pread(descriptor, _WINDOW, offset), offset
        header = window[offset - window_at : offset - window_at + _BLOCK]
        if header[0] == 0:
            return
        kind, size = header[156:157], _size(header, where)
        body, offset = offset + _BLOCK, offset + _BLOCK + -(-size // _BLOCK) * _BLOCK
        if offset > end:
            raise CorpusInvalid(f"{where} ends inside a member")
        if kind in (_PAX, _GNU_NAME):
            record = os.pread(descriptor, min(size, _MAX_NAME_RECORD), body)
            long_name = _pax_path(record, where) if kind == _PAX else _text(record)
        elif kind not in (_GLOBAL_PAX, _FOLDER):
            name, long_name = long_name or _short_name(header), ""
            yield _checked(Member(name, body, size), kind, where)


@final
class OpenShard:
    """One shard with the place of each sample. Costs 32 bytes a sample, whatever its images.

    The file stays open as long as anything refers to the shard, so a sample may be read after
    its stream went on to the next shard, and after the cache evicted the file.

    Args:
        descriptor: Readable file; this object closes it.
        where: URI for messages.

    Raises:
        CorpusInvalid: As `members`, or a sample lacks its `KEY.json`.
    """

    def __init__(self, descriptor: int, where: str) -> None:
        weakref.finalize(self, os.close, descriptor)
        self._descriptor = descriptor
        self.where = where
        # Four numbers a sample: place and size of its KEY.json, then of its first image.
        self._places = array("q")
        current, places = "", [-1, 0, -1, 0]
        for member in members(descriptor, where):
            key, suffix = _key_and_suffix(member.name)
            if key != current:
                self._add(current, places)
                current, places = key, [-1, 0, -1, 0]
            if suffix == "json":
                places[:2] = member.offset, member.size
            elif places[2] < 0:
                places[2:] = member.offset, member.size
        self._add(current, places)

    def __len__(self) -> int:
        return len(self._places) // 4

    def record(self, index: int, kind: type[R]) -> R:
        """Return the `KEY.json` of a sample.

        Raises:
            CorpusInvalid: It is not what `kind` says; the message names place and field.
        """
        offset, size = self._places[4 * index : 4 * index + 2]
        try:
            return kind.model_validate_json(os.pread(self._descriptor, size, offset))
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(str(part) for part in first["loc"])
            raise CorpusInvalid(
                f"sample {index} of {self.where}: {field}: {first['msg']}"
            ) from error

    def image(self, index: int) -> bytes:
        """Return the encoded bytes of a sample's first image.

        Raises:
            CorpusInvalid: The sample has none.
        """
        offset, size = self._places[4 * index + 2 : 4 * index + 4]
        if offset < 0:
            raise CorpusInvalid(f"sample {index} of {self.where} lacks the image that it names")
        return os.pread(self._descriptor, size, offset)

    def _add(self, key: str, places: list[int]) -> None:
        if not key:
            return
        if places[0] < 0:
            raise CorpusInvalid(f"{self.where}: {key} has no {key}.json")
        self._places.extend(places)


def _key_and_suffix(name: str) -> tuple[str, str]:
    """Split `folder/KEY.0.png` into `folder/KEY` and `0.png`."""
    folder, slash, base = name.rpartition("/")
    key, _, suffix = base.partition(".")
    return f"{folder}{slash}{key}", suffix


def _checked(member: Member, kind: bytes, where: str) -> Member:
    if kind not in _REGULAR:
        raise CorpusInvalid(f"{where}: {member.name!r} is a link or a device, not a file")
    if member.name.startswith("/") or ".." in member.name.split("/"):
        raise CorpusInvalid(f"{where}: the path {member.name!r} leaves the shard")
    return member


def _short_name(header: bytes) -> str:
    name, prefix = _text(header[:100]), _text(header[345:500])
    return f"{prefix}/{name}" if prefix else name


def _size(header: bytes, where: str) -> int:
    if header[257:262] != b"ustar":
        raise CorpusInvalid(f"{where} is not a ustar archive")
    try:
        return int(header[124:136].rstrip(b" \0") or b"0", 8)
    except ValueError:
        raise CorpusInvalid(f"{where}: the size of a member is not an octal number") from None


def _pax_path(record: bytes, where: str) -> str:
    """Return the `path` of a pax header, "" if it has none. Lines are `LENGTH KEY=VALUE`."""
    found = ""
    for line in record.split(b"\n"):
        key, _, value = line.partition(b" ")[2].partition(b"=")
        if key == b"path":
            found = _text(value)
        elif key in (b"size", b"linkpath"):
            raise CorpusInvalid(f"{where}: a pax header sets {_text(key)}, which is refused")
    return found


def _text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode("utf-8", "replace")
