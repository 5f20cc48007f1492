"""COCO captions: every caption of an image is a sample."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import ClassVar, final

from mixatlas.corpus.raw import BrokenSample, RawImage, RawSample, Unit
from mixatlas.corpus.readers.coco_join import CocoJoin, Entry, Joined
from mixatlas.corpus.readers.columns import Unusable
from mixatlas.corpus.readers.images import images_of, origin_of
from mixatlas.corpus.readers.source import LABELS, Source, sample_or_broken, strided_units
from mixatlas.corpus.readers.turns import CAPTION_QUESTION, make_turn


@final
class CocoCaptionsReader:
    """Reads COCO's captions: {images: [{id, file_name}], annotations: [{image_id, caption}]}.

    Samples come by the image's id, those of one image in the file's order. Labels are looked for
    in the annotation, then in the image. Of a file that breaks off, the captions whose image was
    told before are used.
    """

    fields = ("image", "caption", *LABELS)
    usual: ClassVar[Mapping[str, str]] = MappingProxyType({"image": "file_name"})

    def __init__(self, source: Source) -> None:
        self._source = source

    def units(self, n_parts: int) -> Sequence[Unit]:
        """As `Reader.units`."""
        return strided_units(self._source.names((".json",), what="JSON"), n_parts)

    def read(self, unit: Unit, n_parts: int) -> Iterator[RawSample | BrokenSample]:
        """As `Reader.read`."""
        columns = self._source.columns
        fields = (columns.name("image"), columns.name("caption"))
        join = CocoJoin(self._source, unit, n_parts, fields=fields, is_cut_usable=True)
        for found in join:
            if isinstance(found, BrokenSample):
                yield found
            else:
                yield from self._samples(found)

    def _samples(self, joined: Joined) -> Iterator[RawSample | BrokenSample]:
        image: RawImage | Unusable | None = None
        for annotation in joined.annotations:
            image = image or self._image(joined.image)
            make = partial(self._sample, image, joined.image, annotation)
            yield sample_or_broken(annotation.where, make)

    def _image(self, entry: Entry) -> RawImage | Unusable:
        try:
            return image_of(self._source, entry)
        except Unusable as error:
            return error

    def _sample(self, image: RawImage | Unusable, entry: Entry, annotation: Entry) -> RawSample:
        if isinstance(image, Unusable):
            raise image
        columns = self._source.columns
        turn = make_turn(
            CAPTION_QUESTION,
            columns.get(annotation.record, "caption"),
            names=("question", columns.name("caption")),
        )
        return self._source.sample(
            {**entry.record, **annotation.record},
            annotation.where,
            turns=(turn,),
            images=(image,),
            origin=origin_of(image.name),
        )


def image_of(source: Source, entry: Entry) -> RawImage:
    """Read the image that an element of `images` names.

    Raises:
        Unusable: It names none, or the image is unusable.
    """
    name = source.columns.name("image")
    images = images_of(source.columns.get(entry.record, "image"), source.images, name=name)
    if len(images) != 1:
        raise Unusable(f"{name}: must name one image")
    return images[0]
