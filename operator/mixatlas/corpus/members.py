"""Reading a shard back: records with their images, nothing in it trusted."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from typing import BinaryIO, TypeVar

from pydantic import ValidationError

from mixatlas.contract.canonical import Record
from mixatlas.contract.manifest import ItemRecord, SampleRecord
from mixatlas.corpus.images import suffix_of_image

RecordT = TypeVar("RecordT", bound=Record)


class Broken(Exception):
    """A shard is not what it must be; the message says where and why."""


def read_members(content: bytes, model: type[RecordT]) -> Iterator[tuple[RecordT, list[bytes]]]:
    """Yield the records of a shard with their images, checked; see `stream_members`."""
    return stream_members(io.BytesIO(content), model)


def stream_members(file: BinaryIO, model: type[RecordT]) -> Iterator[tuple[RecordT, list[bytes]]]:
    """Yield the records of a shard with their images, checked; reads no further than asked.

    Args:
        file: A tar of `KEY.json`, each followed by its images; at its start, or where a sample
            begins.
        model: SampleRecord or ItemRecord.

    Raises:
        Broken: A member is a link or has an unsafe name, a record is wrong, or an image is
            missing, unnamed or unfit.
    """
    for key, record_bytes, files in _groups(file):
        try:
            record = model.model_validate_json(record_bytes)
        except ValidationError as error:
            raise Broken(f"{key}.json: {error.errors()[0]['msg']}") from error
        names = record.images if isinstance(record, SampleRecord | ItemRecord) else ()
        if set(names) != set(files):
            raise Broken(f"{key}: images {sorted(files)}, but the record names {sorted(names)}")
        for name, image in files.items():
            try:
                suffix_of_image(image)
            except ValueError as error:
                raise Broken(f"{key}.{name}: {error}") from error
        yield record, [files[name] for name in names]


def _groups(file: BinaryIO) -> Iterator[tuple[str, bytes, dict[str, bytes]]]:
    """Yield (key, record, images by name) a sample; members of a key stand together."""
    key, record, files = "", b"", dict[str, bytes]()
    for name, member in _plain_files(file):
        head, _, tail = name.partition(".")
        if tail == "json":
            if key:
                yield key, record, files
            key, record, files = head, member, {}
        elif head == key:
            files[tail] = member
        else:
            raise Broken(f"{name} does not follow its record {head}.json")
    if key:
        yield key, record, files


def _plain_files(file: BinaryIO) -> Iterator[tuple[str, bytes]]:
    try:
        with tarfile.open(fileobj=file, mode="r:") as tar:
            for info in tar:
                if not info.isfile():
                    raise Broken(f"{info.name} is not a plain file")
                if "/" in info.name or info.name.startswith("."):
                    raise Broken(f"{info.name} is not a plain name")
                member = tar.extractfile(info)
                yield info.name, member.read() if member else b""
    except tarfile.TarError as error:
        raise Broken(f"not a tar: {error}") from error
