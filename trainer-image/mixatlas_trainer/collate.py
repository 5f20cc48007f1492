"""Samples to arrays: token ids, labels on answers only, pixels; padded on the right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import numpy.typing as npt

from mixatlas.contract.errors import CorpusInvalid
from mixatlas.contract.manifest import ItemRecord, SampleRecord, Turn
from mixatlas_trainer.images import Pixels, decode_image
from mixatlas_trainer.shards import OpenShard
from mixatlas_trainer.stream import Sample
from mixatlas_trainer.text import IGNORED, Layout, TextEncoder


@dataclass(frozen=True, slots=True, kw_only=True)
class MicroBatch:
    """One forward pass of `n` samples, padded to `L` positions; `m` of them have an image.

    Attributes:
        ids_nl: Token ids, int64.
        labels_nl: The same where supervised, else -100.
        pixels_m: uint8 of shape (m, 3, size, size), or None.
        domains_n: Number of each sample's domain, int64.
        n_supervised: Labels that are predicted, a domain.
        n_positions: Positions that are not padding.
        n_cut: Samples that were longer than the sequence length.
    """

    ids_nl: npt.NDArray[np.int64]
    labels_nl: npt.NDArray[np.int64]
    pixels_m: npt.NDArray[np.uint8] | None
    domains_n: npt.NDArray[np.int64]
    n_supervised: Counter[int]
    n_positions: int
    n_cut: int

    @property
    def n_images(self) -> int:
        """Samples with an image."""
        return 0 if self.pixels_m is None else len(self.pixels_m)


@final
class Collator:
    """Decodes samples and puts them into arrays.

    Args:
        encoder: Lays out text.
        sequence_length: Longer samples are cut at the end; labels beyond the cut are lost.
        image_size: Edge of the model's input in pixels.
    """

    def __init__(self, encoder: TextEncoder, *, sequence_length: int, image_size: int) -> None:
        self.encoder = encoder
        self.sequence_length = sequence_length
        self._image_size = image_size

    def samples(self, samples: Sequence[Sample]) -> MicroBatch:
        """Collate corpus samples.

        Raises:
            CorpusInvalid: A sample has several images, or its image cannot be read.
        """
        layouts = [
            self.encoder.sample(s.record.turns, n_images=len(s.record.images)) for s in samples
        ]
        pixels = [
            image for s in samples if (image := self.pixels(s.record, s.shard, s.index)) is not None
        ]
        return self._padded(layouts, pixels, [s.domain for s in samples])

    def answered(self, items: Sequence[ItemRecord], pixels: Sequence[Pixels]) -> MicroBatch:
        """Collate benchmark items with their first reference answer, for teacher forcing."""
        layouts = [
            self.encoder.sample(
                (Turn(question=item.question, answer=item.answers[0]),),
                n_images=len(item.images),
            )
            for item in items
        ]
        return self._padded(layouts, pixels, list(range(len(items))))

    def pixels(
        self, record: SampleRecord | ItemRecord, shard: OpenShard, index: int
    ) -> Pixels | None:
        """Decode a record's image, None where it has none.

        Raises:
            CorpusInvalid: It names several images, or the one cannot be read.
        """
        if not record.images:
            return None
        where = f"sample {index} of {shard.where}"
        if len(record.images) > 1:
            raise CorpusInvalid(
                f"{where} has {len(record.images)} images",
                hint="This trainer takes at most one image a sample.",
            )
        return decode_image(shard.image(index), self._image_size, where=where)

    def _padded(
        self, layouts: Sequence[Layout], pixels: Sequence[Pixels], domains: Sequence[int]
    ) -> MicroBatch:
        limit = self.sequence_length
        length = min(limit, max(len(layout.ids) for layout in layouts))
        ids_nl = np.array([_filled(row.ids, length, self.encoder.pad_id) for row in layouts])
        labels_nl = np.array([_filled(row.labels, length, IGNORED) for row in layouts])
        # The first position has nothing before it to be predicted from.
        labels_nl[:, 0] = IGNORED
        n_supervised: Counter[int] = Counter()
        for domain, count in zip(domains, (labels_nl != IGNORED).sum(1).tolist(), strict=True):
            n_supervised[domain] += count
        return MicroBatch(
            ids_nl=ids_nl,
            labels_nl=labels_nl,
            pixels_m=np.stack(pixels) if pixels else None,
            domains_n=np.array(domains),
            n_supervised=n_supervised,
            n_positions=sum(min(limit, len(layout.ids)) for layout in layouts),
            n_cut=sum(len(layout.ids) > limit for layout in layouts),
        )


def _filled(row: list[int], length: int, filling: int) -> list[int]:
    return row[:length] + [filling] * (length - len(row))
