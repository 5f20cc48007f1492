"""Referring expressions, as in RefCOCO: an image, what is meant in it, and its box."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar, final

from mixatlas.contract.manifest import Turn
from mixatlas.corpus.raw import BrokenSample, RawSample, Unit
from mixatlas.corpus.readers.boxes import box_text, check_size, size_of
from mixatlas.corpus.readers.columns import Unusable, checked_text, kind_of
from mixatlas.corpus.readers.images import images_of, origin_of
from mixatlas.corpus.readers.source import LABELS, Record, Source, json_units, read_json

_EXPRESSIONS = ("expression", "expressions", "sentences")
_TEXTS = ("sent", "raw", "text")


@final
class GroundingReader:
    """Reads a JSON array, or JSON lines, of {image, expression, bbox}.

    `bbox` is [x, y, width, height] in pixels. Instead of `expression` there may be a list,
    `expressions` or `sentences`, of texts or of {sent}, {raw} or {text}: each becomes a turn.
    `width` and `height`, if they are told, must be the image's.
    """

    fields = ("image", "expression", "bbox", "width", "height", *LABELS)
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
        source, columns = self._source, self._source.columns
        expressions = self._expressions(record)
        name = columns.name("image")
        images = images_of(columns.get(record, "image"), source.images, name=name)
        if len(images) != 1:
            raise Unusable(f"{name}: {len(images)} images; a box lies in one")
        size = size_of(images[0])
        width, height = columns.get(record, "width"), columns.get(record, "height")
        check_size(size, width=width, height=height, image=images[0].name)
        answer = box_text(columns.get(record, "bbox"), size, name=columns.name("bbox"))
        turns = tuple(Turn(question=f"Where is {text}?", answer=answer) for text in expressions)
        origin = origin_of(images[0].name)
        return source.sample(record, where, turns=turns, images=images, origin=origin)

    def _expressions(self, record: Record) -> Sequence[str]:
        columns = self._source.columns
        if "expression" in columns.named:
            name, value = columns.name("expression"), columns.get(record, "expression")
        else:
            there = (name for name in _EXPRESSIONS if record.get(name) is not None)
            name = next(there, _EXPRESSIONS[0])
            value = record.get(name)
        values = value if isinstance(value, list) else [value]
        if not values:
            raise Unusable(f"{name}: is empty")
        return [_expression(entry, f"{name}.{index}") for index, entry in enumerate(values)]


def _expression(value: object, name: str) -> str:
    if isinstance(value, Mapping):
        key = next((key for key in _TEXTS if key in value), None)
        if key is None:
            raise Unusable(f"{name}: has none of {', '.join(_TEXTS)}")
        value, name = value[key], f"{name}.{key}"
    if value is None:
        raise Unusable(f"{name}: must be text, not {kind_of(value)}")
    text = checked_text(value, name)
    if not text:
        raise Unusable(f"{name}: is empty")
    return text
