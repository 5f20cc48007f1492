"""COCO instances: all boxes of an image, with their labels, are one answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, ClassVar, final

from mixatlas.contract.errors import CorpusInvalid
from mixatlas.contract.manifest import Turn
from mixatlas.corpus.raw import BrokenSample, RawSample, Unit
from mixatlas.corpus.readers.boxes import Size, box_text, check_size, size_of
from mixatlas.corpus.readers.coco_captions import image_of
from mixatlas.corpus.readers.coco_join import CocoJoin, Entry, Joined
from mixatlas.corpus.readers.columns import Unusable, checked_text
from mixatlas.corpus.readers.images import origin_of
from mixatlas.corpus.readers.source import LABELS, Source, sample_or_broken, strided_units

DETECTION_QUESTION = "Find all objects and their boxes."
MAX_BOXES = 1000
MAX_CATEGORIES = 100_000


@final
class CocoInstancesReader:
    """Reads COCO's instances: images, annotations of {image_id, category_id, bbox}, categories.

    The answer is `x0 y0 x1 y1 label`, objects in the file's order with `; ` between them. What is
    annotated as a crowd is no single object and left out; an image with nothing else gives no
    sample. One box that is wrong breaks its image's sample: the others are not all objects. Of a
    file that breaks off nothing is used, for the same reason.
    """

    fields = ("image", *LABELS)
    usual: ClassVar[Mapping[str, str]] = MappingProxyType({"image": "file_name"})

    def __init__(self, source: Source) -> None:
        self._source = source

    def units(self, n_parts: int) -> Sequence[Unit]:
        """As `Reader.units`."""
        return strided_units(self._source.names((".json",), what="JSON"), n_parts)

    def read(self, unit: Unit, n_parts: int) -> Iterator[RawSample | BrokenSample]:
        """As `Reader.read`."""
        labels = _Labels(unit.file)
        image = self._source.columns.name("image")
        join = CocoJoin(
            self._source,
            unit,
            n_parts,
            fields=(image, "width", "height", "bbox", "category_id", "iscrowd"),
            categories=labels.take,
            is_cut_usable=False,
        )
        for found in join:
            if isinstance(found, BrokenSample):
                yield found
                continue
            objects = _objects(found)
            if objects:
                make = partial(self._sample, found.image, objects, labels)
                yield sample_or_broken(found.image.where, make)

    def _sample(self, entry: Entry, objects: Sequence[Entry], labels: _Labels) -> RawSample:
        if len(objects) > MAX_BOXES:
            raise Unusable(f"more than {MAX_BOXES:,} boxes")
        image = image_of(self._source, entry)
        size = size_of(image)
        width, height = entry.record.get("width"), entry.record.get("height")
        check_size(size, width=width, height=height, image=image.name)
        answer = "; ".join(_object_text(annotation, size, labels) for annotation in objects)
        return self._source.sample(
            entry.record,
            entry.where,
            turns=(Turn(question=DETECTION_QUESTION, answer=answer),),
            images=(image,),
            origin=origin_of(image.name),
        )


class _Labels:
    """The names of categories, all in memory: there are few, or it is no COCO."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._names: dict[int | str, str] = {}

    def take(self, record: Mapping[str, Any]) -> None:
        """Take one category.

        Raises:
            Unusable: It is not as it must be, or its id was taken before.
            CorpusInvalid: There are too many.
        """
        found, name = record.get("id"), checked_text(record.get("name"), "name")
        if not isinstance(found, int | str):
            raise Unusable("id: must be a number or text")
        if found in self._names:
            raise Unusable(f"its id {found!r} is that of {self._names[found]!r} too")
        if not name:
            raise Unusable("name: is empty")
        if len(self._names) == MAX_CATEGORIES:
            raise CorpusInvalid(f"{self._file}: more than {MAX_CATEGORIES:,} categories")
        self._names[found] = name

    def name(self, category: object) -> str:
        """Return the name of a category.

        Raises:
            Unusable: There is none.
        """
        name = self._names.get(category) if isinstance(category, int | str) else None
        if name is None:
            raise Unusable(f"category_id {category!r} is not among the categories")
        return name


def _objects(joined: Joined) -> Sequence[Entry]:
    """Return the annotations of single objects, at most one more than is usable."""
    objects: list[Entry] = []
    for annotation in joined.annotations:
        if annotation.record.get("iscrowd") not in (1, True):
            objects.append(annotation)
        if len(objects) > MAX_BOXES:
            break
    return objects


def _object_text(annotation: Entry, size: Size, labels: _Labels) -> str:
    try:
        box = box_text(annotation.record.get("bbox"), size, name="bbox")
        return f"{box} {labels.name(annotation.record.get('category_id'))}"
    except Unusable as error:
        place = annotation.where.rpartition(":")[2]
        raise Unusable(f"{place}: {error}") from error
