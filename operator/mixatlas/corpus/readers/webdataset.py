"""WebDataset tars: members that share a key are a sample."""

from __future__ import annotations

import lzma
import tarfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import IO, Any, ClassVar, final

from mixatlas.contract.errors import CorpusInvalid
from mixatlas.corpus.files import LARGEST_READ
from mixatlas.corpus.lines import MAX_LINE_BYTES, parse_object
from mixatlas.corpus.raw import BrokenSample, RawSample, Unit
from mixatlas.corpus.readers.columns import Unusable
from mixatlas.corpus.readers.images import MAX_IMAGES, checked_image, origin_of
from mixatlas.corpus.readers.source import LABELS, Source, sample_or_broken
from mixatlas.corpus.readers.turns import TURN_FIELDS, turns_of

_TEXTS = frozenset({"json", "txt"})
_IMAGES = frozenset({"jpg", "jpeg", "png", "webp", "gif", "bmp", "tif", "tiff", "avif", "heic"})
_LONG_HEADERS = frozenset(b"xgXLK")
_MAX_HEADER_BYTES = 2**20
# What tarfile and the decompressors under it raise for what is no tar, or no longer one.
_BROKEN_TAR = (
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    OSError,
    EOFError,
    ValueError,
    KeyError,
    OverflowError,
)


@dataclass(slots=True)
class _Group:
    """The members of a sample, by the rest of their names, and what is wrong with one of them."""

    key: str
    members: dict[str, bytes] = field(default_factory=dict)
    size: int = 0
    fault: str | None = None


@final
class WebDatasetReader:
    """Reads tars of KEY.jpg, KEY.jpeg or KEY.png with KEY.json, KEY.txt or both.

    The JSON has turns, conversations, question and answer or a caption; without any of them the
    text is the caption. KEY.0.jpg and KEY.1.jpg are two images, in the tar's order. A unit is a
    tar, plain or packed; memory holds one sample. The origin is the first folder of the tar's
    name.
    """

    fields = (*TURN_FIELDS, *LABELS)
    usual: ClassVar[Mapping[str, str]] = MappingProxyType({})

    def __init__(self, source: Source) -> None:
        self._source = source

    def units(self, n_parts: int) -> Sequence[Unit]:
        """As `Reader.units`."""
        suffixes = (".tar", ".tgz", ".tar.gz")
        return [Unit(file=name) for name in self._source.names(suffixes, what="tars")]

    def read(self, unit: Unit, n_parts: int) -> Iterator[RawSample | BrokenSample]:
        """As `Reader.read`."""
        with self._source.opened(unit.file) as file:
            is_checked = False
            for group in _groups(file, unit.file):
                where = f"{unit.file}!{group.key}"
                try:
                    record = _record(group)
                except Unusable as error:
                    yield BrokenSample(where=where, reason=str(error))
                    continue
                if not is_checked:
                    self._source.columns.check(record, file=unit.file)
                    is_checked = True
                yield sample_or_broken(where, partial(self._sample, group, record, unit.file))

    def _sample(self, group: _Group, record: dict[str, Any], file: str) -> RawSample:
        names = [suffix for suffix in group.members if suffix not in _TEXTS]
        turns = turns_of(record, self._source.columns, n_images=len(names))
        images = tuple(checked_image(f"{group.key}.{name}", group.members[name]) for name in names)
        where, origin = f"{file}!{group.key}", origin_of(file)
        return self._source.sample(record, where, turns=turns, images=images, origin=origin)


def _record(group: _Group) -> dict[str, Any]:
    """Return the JSON of a sample, with its text as a caption where it has none.

    Raises:
        Unusable: A member is not as it must be.
    """
    if group.fault is not None:
        raise Unusable(group.fault)
    if not _TEXTS & group.members.keys():
        raise Unusable("has neither a .json nor a .txt")
    try:
        record = parse_object(group.members.get("json", b"{}"))
        text = group.members.get("txt")
        if text is not None and not any(record.get(name) for name in TURN_FIELDS):
            record["caption"] = text.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Unusable(f"{group.key}.txt: not UTF-8 at byte {error.start}") from error
    except ValueError as error:
        raise Unusable(f"{group.key}.json: {error}") from error
    return record


def _groups(file: IO[bytes], name: str) -> Iterator[_Group]:
    """Yield the samples of a tar; one that breaks off ends with a sample that says so.

    Raises:
        CorpusInvalid: It is no tar.
    """
    try:
        tar = tarfile.open(fileobj=file, mode="r|*", tarinfo=_Header)  # noqa: SIM115
    except _BROKEN_TAR as error:
        raise CorpusInvalid(f"{name}: is not a tar: {error}") from error
    group = None
    with tar:
        try:
            for member in tar:
                tar.members.clear()  # type: ignore[attr-defined]  # tarfile would keep them all
                key, suffix = _split(member.name)
                if not key or member.isdir():
                    continue
                if group is not None and group.key != key:
                    yield group
                    group = None
                group = group or _Group(key=key)
                _add(group, suffix, member, tar)
        except _BROKEN_TAR as error:
            # Whether the sample is whole cannot be told: what is lost may be its own.
            group = group or _Group(key="")
            group.fault = f"the tar breaks off here: {error}"
    if group is not None:
        yield group


def _split(name: str) -> tuple[str, str]:
    """Return key and suffix of a member, as WebDataset splits them; no key for a hidden file."""
    name = name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    folder, slash, last = name.rpartition("/")
    stem, _, suffix = last.partition(".")
    return f"{folder}{slash}{stem}" if stem and suffix else "", suffix.lower()


def _add(group: _Group, suffix: str, member: tarfile.TarInfo, tar: tarfile.TarFile) -> None:
    number, _, kind = suffix.rpartition(".")
    is_image = kind in _IMAGES and (not number or number.isdecimal())
    if group.fault is not None or not (is_image or suffix in _TEXTS):
        return
    name = f"{group.key}.{suffix}"
    group.size += member.size
    if suffix in group.members:
        group.fault = f"{name}: there are two"
    elif not member.isfile():
        group.fault = f"{name}: is a link, not a file"
    elif group.size > LARGEST_READ:
        group.fault = f"larger than {LARGEST_READ:,} bytes"
    elif suffix in _TEXTS and member.size > MAX_LINE_BYTES:
        group.fault = f"{name}: longer than {MAX_LINE_BYTES:,} bytes"
    elif len(group.members) == MAX_IMAGES + len(_TEXTS):
        group.fault = f"more than {MAX_IMAGES} images"
    else:
        content = tar.extractfile(member)
        group.members[suffix] = content.read() if content is not None else b""


class _Header(tarfile.TarInfo):
    """A header that is wrong breaks the tar: tarfile by itself would take it for the end."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> _Header:
        """As `TarInfo.frombuf`.

        Raises:
            ReadError: It is no header, or one too large to be read.
        """
        if len(buf) == tarfile.BLOCKSIZE and not any(buf):
            return super().frombuf(buf, encoding, errors)  # raises what ends a tar
        try:
            header = super().frombuf(buf, encoding, errors)
        except tarfile.HeaderError as error:
            raise tarfile.ReadError(str(error)) from error
        if ord(header.type) in _LONG_HEADERS and header.size > _MAX_HEADER_BYTES:
            raise tarfile.ReadError(f"a header of {header.size:,} bytes")
        return header
