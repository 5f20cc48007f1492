"""LLaVA's instruction data: JSON with an image's path and a conversation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar, final

from mixatlas.corpus.raw import BrokenSample, RawSample, Unit
from mixatlas.corpus.readers.images import images_of, origin_of
from mixatlas.corpus.readers.source import LABELS, Record, Source, json_units, read_json
from mixatlas.corpus.readers.turns import TURN_FIELDS, turns_of


@final
class LlavaReader:
    """Reads a JSON array, or JSON lines, of {id, image, conversations}.

    `image` is a path or a list of paths; without it a sample is text alone. `conversations` has
    several turns, with a placeholder an image or none at all. The origin is the first folder of
    the first image's path: coco, gqa, ocr_vqa, textvqa, vg.
    """

    fields = ("image", *TURN_FIELDS, *LABELS)
    usual: ClassVar[Mapping[str, str]] = MappingProxyType({})

    def __init__(self, source: Source) -> None:
        self._source = source

    def units(self, n_parts: int) -> Sequence[Unit]:
        """As `Reader.units`."""
        return json_units(self._source, n_parts)

    def read(self, unit: Unit, n_parts: int) -> Iterator[RawSample | BrokenSample]:
        """As `Reader.read`."""
        return read_json(self._source, unit, n_parts, self._sample)

    def _sample(self, record: Record, where: str) -> RawSample:
        source = self._source
        name, value = source.columns.name("image"), source.columns.get(record, "image")
        # Text is looked at first: it costs no reading.
        n_images = len(value) if isinstance(value, list) else int(value is not None)
        turns = turns_of(record, source.columns, n_images=n_images)
        images = images_of(value, source.images, name=name)
        origin = origin_of(images[0].name) if images else ""
        return source.sample(record, where, turns=turns, images=images, origin=origin)
