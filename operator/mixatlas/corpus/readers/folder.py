"""A folder of images beside JSON lines that name them, as the datasets library's ImageFolder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import ClassVar, final

from mixatlas.corpus.raw import BrokenSample, RawSample, Unit
from mixatlas.corpus.readers.columns import Unusable
from mixatlas.corpus.readers.images import images_of
from mixatlas.corpus.readers.source import LABELS, Record, Source, read_json, strided_units
from mixatlas.corpus.readers.turns import TURN_FIELDS, turns_of


@final
class FolderReader:
    """Reads JSON lines of {file_name, text}, in `metadata.jsonl` or any other `.jsonl`.

    `file_name`, a path or a list of paths, is relative to the folder of its lines. `text` is a
    caption; question and answer, or turns, are read too. An image that no line names is not read.
    """

    fields = ("image", *TURN_FIELDS, *LABELS)
    usual: ClassVar[Mapping[str, str]] = MappingProxyType({"image": "file_name", "caption": "text"})

    def __init__(self, source: Source) -> None:
        self._source = source

    def units(self, n_parts: int) -> Sequence[Unit]:
        """As `Reader.units`."""
        return strided_units(self._source.names((".jsonl",), what="JSON lines"), n_parts)

    def read(self, unit: Unit, n_parts: int) -> Iterator[RawSample | BrokenSample]:
        """As `Reader.read`."""
        folder = str(PurePosixPath(unit.file).parent)

        def make(record: Record, where: str) -> RawSample:
            return self._sample(record, where, folder="" if folder == "." else folder)

        return read_json(self._source, unit, n_parts, make)

    def _sample(self, record: Record, where: str, *, folder: str) -> RawSample:
        source = self._source
        name, value = source.columns.name("image"), source.columns.get(record, "image")
        if not value:
            raise Unusable(f"{name}: names no image")
        n_images = len(value) if isinstance(value, list) else 1
        turns = turns_of(record, source.columns, n_images=n_images)
        images = images_of(value, source.images, name=name, folder=folder)
        return source.sample(record, where, turns=turns, images=images, origin="")
