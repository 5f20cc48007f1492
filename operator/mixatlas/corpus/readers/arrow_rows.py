"""Rows of Arrow tables → samples, whatever file they lay in."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, final

import pyarrow as pa

from mixatlas.contract.errors import CorpusInvalid
from mixatlas.corpus.raw import BrokenSample, RawSample
from mixatlas.corpus.readers.columns import Unusable
from mixatlas.corpus.readers.images import MAX_IMAGES, images_of
from mixatlas.corpus.readers.source import LABELS, Source, sample_or_broken
from mixatlas.corpus.readers.turns import TURN_FIELDS, turns_of

FIELDS = ("image", *TURN_FIELDS, *LABELS)
ARROW_ERRORS = (pa.ArrowException, OSError, ValueError, MemoryError)
"""What pyarrow raises for a damaged file; MemoryError, since it believes the lengths it reads."""
_IMAGES = ("images", "image")
_DEEPEST = 8
_LONGEST_REASON = 200


@final
class Rows:
    """Makes samples from the rows of one table.

    Args:
        source: It is from.
        schema: Of the table.
        file: Its file.
        origin: Of samples that tell none themselves.

    Raises:
        CorpusInvalid: The table lacks a column that the document names, or has no text at all.
    """

    def __init__(self, source: Source, schema: pa.Schema, *, file: str, origin: str) -> None:
        shape = _columns(schema, file)
        columns = source.columns
        columns.check(shape, file=file)
        usual = next((name for name in _IMAGES if name in shape), _IMAGES[0])
        self._image = columns.named.get("image", usual)
        self._source = source
        self._origin = origin
        self._labels = _class_labels(schema)
        names = {field: columns.name(field) for field in FIELDS} | {"image": self._image}
        texts = [names[field] for field in TURN_FIELDS]
        if not any(_root(name, shape) for name in texts):
            raise CorpusInvalid(
                f"{file}: has none of the columns {', '.join(texts)}",
                hint="Name them under `columns`, or by --column.",
            )
        roots = {_root(name, shape) for name in names.values()}
        self.needed: Sequence[str] = [name for name in shape if name in roots]
        """Columns that samples are made of, in the schema's order."""

    def samples(
        self, batch: pa.RecordBatch, places: Sequence[str], rows: Sequence[int], *, is_sound: bool
    ) -> Iterator[RawSample | BrokenSample]:
        """Yield the samples of some rows of a batch.

        Args:
            batch: Of the table.
            places: Of these samples, each as RawSample has it.
            rows: Their numbers in the batch.
            is_sound: Whether no offset in it leads out of its buffers; else each row is checked.
        """
        for where, row in zip(places, rows, strict=True):
            one = batch.slice(row, 1)
            yield sample_or_broken(where, partial(self._sample, one, where, is_sound=is_sound))

    def _sample(self, one: pa.RecordBatch, where: str, *, is_sound: bool) -> RawSample:
        if not is_sound:
            # Nested columns are checked whole: damage there breaks all rows of the batch.
            _check(one)
        record = {name: self._named(name, value) for name, value in _plain(one).items()}
        source = self._source
        images = images_of(self._value(record), source.images, name=self._image)
        turns = turns_of(record, source.columns, n_images=len(images))
        origin = _origin_in(record.get(source.columns.name("texts"))) or self._origin
        return source.sample(record, where, turns=turns, images=images, origin=origin)

    def _value(self, record: Mapping[str, Any]) -> Any:
        if "image" in self._source.columns.named:
            return self._source.columns.get(record, "image")
        return record.get(self._image)

    def _named(self, column: str, value: Any) -> Any:
        """Return the name of a class where a column holds its number."""
        names = self._labels.get(column)
        if names is None or not isinstance(value, int):
            return value
        return names[value] if 0 <= value < len(names) else None


def until_broken(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch | str]:
    """Yield batches of a file; if they break off, why, as the last."""
    iterator = iter(batches)
    while True:
        try:
            batch = next(iterator, None)
        except ARROW_ERRORS as error:
            yield reason_of(error)
            return
        if batch is None:
            return
        yield batch


def reason_of(error: Exception) -> str:
    """Return the first line of what the library says of a file, not too long."""
    lines = str(error).splitlines() or [type(error).__name__]
    return lines[0][:_LONGEST_REASON]


def is_sound(batch: pa.RecordBatch) -> bool:
    """Return whether every offset and text of a batch is valid.

    Arrow files are taken as they lie, and an offset that leads elsewhere would be followed there.
    """
    try:
        batch.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _check(one: pa.RecordBatch) -> None:
    try:
        one.validate(full=True)
    except pa.ArrowInvalid as error:
        raise Unusable(f"cannot be read: {reason_of(error)}") from error


def _plain(one: pa.RecordBatch) -> dict[str, Any]:
    try:
        row: dict[str, Any] = one.to_pylist()[0]
    except (ValueError, OverflowError) as error:  # a text's encoding, a date out of the calendar
        raise Unusable(f"cannot be read: {reason_of(error)}") from error
    return row


def _columns(schema: pa.Schema, file: str) -> dict[str, Any]:
    try:
        columns = {field.name: _shape(field.type, 0) for field in schema}
    except UnicodeDecodeError as error:
        raise CorpusInvalid(f"{file}: the name of a column is not UTF-8") from error
    if len(columns) != len(schema):
        raise CorpusInvalid(f"{file}: two columns have one name")
    return columns


def _shape(kind: pa.DataType, depth: int) -> Any:
    """Return nested objects and lists as a type has them, to look a column's name up in."""
    if depth == _DEEPEST:
        return None
    if pa.types.is_struct(kind):
        return {field.name: _shape(field.type, depth + 1) for field in kind.fields}
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return [_shape(kind.value_type, depth + 1)] * MAX_IMAGES
    return None


def _root(name: str, shape: Mapping[str, Any]) -> str | None:
    """Return the column that a name leads into, None without one."""
    root = name if name in shape else name.partition(".")[0]
    return root if root in shape else None


def _origin_in(texts: object) -> str:
    """Return the source that the first of the Cauldron's texts tells; nothing without one."""
    first = texts[0] if isinstance(texts, list) and texts else None
    found = first.get("source") if isinstance(first, dict) else None
    return found if isinstance(found, str) else ""


def _class_labels(schema: pa.Schema) -> Mapping[str, Sequence[str]]:
    """Return the classes' names of columns that hold their numbers, as datasets writes them."""
    try:
        told = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
        features = told["info"]["features"].items()
        return {
            column: [str(name) for name in feature["names"]]
            for column, feature in features
            if isinstance(feature, dict) and feature.get("_type") == "ClassLabel"
        }
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}  # metadata of something else
