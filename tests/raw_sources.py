"""Sources as users bring them to `corpus build`, and what a reader makes of them."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from mixatlas.corpus.files import LocalFiles
from mixatlas.corpus.raw import BrokenSample, RawSample, Reader
from mixatlas.corpus.readers import open_reader

Found = RawSample | BrokenSample


def picture(number: int = 0, kind: str = "PNG", size: tuple[int, int] = (8, 4)) -> bytes:
    """Return a small image, another one for every number."""
    file = io.BytesIO()
    Image.new("RGB", size, (number % 256, number // 256, 7)).save(file, kind)
    return file.getvalue()


def write_pictures(folder: Path, *names: str) -> None:
    """Write images, each another one; their names say which kind."""
    for number, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        kind = "PNG" if name.endswith(".png") else "JPEG"
        path.write_bytes(picture(number, kind))


def write_json(path: Path, value: object) -> None:
    """Write JSON; a list that goes to `.jsonl` as lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".jsonl" and isinstance(value, list):
        path.write_text("".join(json.dumps(entry) + "\n" for entry in value))
    else:
        path.write_text(json.dumps(value))


def reader_of(
    format: str,  # noqa: A002  the document's word
    place: Path,
    columns: Mapping[str, str] | None = None,
    *,
    images: Path | None = None,
) -> Reader:
    """Open a folder or a file; images lie in the same folder unless told otherwise."""
    files = LocalFiles(place)
    return open_reader(format, files, LocalFiles(images) if images else files, columns or {})


def read_part(reader: Reader, part: int, n_parts: int) -> list[Found]:
    """Return what one of several parts reads."""
    units = [unit for unit in reader.units(n_parts) if unit.part(n_parts) == part]
    return [found for unit in units for found in reader.read(unit, n_parts)]


def read_all(reader: Reader) -> list[Found]:
    """Return all that a reader gives, in one part."""
    return read_part(reader, 0, 1)


def samples_of(reader: Reader) -> list[RawSample]:
    """Return all samples; none may be broken."""
    found = read_all(reader)
    assert [entry for entry in found if isinstance(entry, BrokenSample)] == []
    return [entry for entry in found if isinstance(entry, RawSample)]


def told(found: list[Found]) -> list[str]:
    """Return a line an entry: its place, with the reason if it is broken."""
    return [
        f"{entry.where}: {entry.reason}" if isinstance(entry, BrokenSample) else entry.where
        for entry in found
    ]


def a_chat(*texts: str) -> list[dict[str, Any]]:
    """Return LLaVA's conversation: questions and answers in turn."""
    return [
        {"from": "gpt" if index % 2 else "human", "value": text} for index, text in enumerate(texts)
    ]


class Objects:
    """The calls of a store that files need, over a dict; counts the bytes that it gave."""

    def __init__(self, objects: dict[str, bytes]) -> None:
        self.objects = objects
        self.given = 0

    def stat(self, prefix: str) -> dict[str, tuple[int, str]]:
        found = {uri: data for uri, data in self.objects.items() if uri.startswith(prefix)}
        return {uri: (len(data), "tag") for uri, data in sorted(found.items())}

    def get(self, uri: str) -> bytes | None:
        return self.objects.get(uri)

    def get_range(self, uri: str, *, offset: int, length: int) -> bytes | None:
        self.given += length
        return self.objects[uri][offset : offset + length] if uri in self.objects else None
