"""The images nearest to their concepts, found while a corpus is written."""

from __future__ import annotations

import bisect
from collections import defaultdict
from collections.abc import Iterable
from typing import final

from pydantic import Field

from mixatlas.contract.canonical import Record
from mixatlas.contract.manifest import Domain, SampleRecord, Sha256
from mixatlas.corpus.shards import Place

N_NEAREST = 16


class NearImage(Record):
    """One image near its concept, and a sample that it is the first image of.

    `image` is its SHA-256, `cosine` that with the concept's vector; the sample begins at byte
    `offset` of `shard`, which is relative to the manifest.
    """

    image: Sha256
    cosine: float
    shard: str
    offset: int = Field(ge=0)


@final
class Nearest:
    """Keeps the nearest images of each concept, whatever the number of samples.

    First every sample is offered, then those that were written are placed. Of several samples of
    an image the first one counts: domains are written by name, and `caption` is the first of tasks.
    """

    def __init__(self) -> None:
        self._ranked: dict[str, list[tuple[float, str]]] = defaultdict(list)
        self._placed: dict[tuple[str, str], tuple[str, Place]] = {}

    def offer(self, concept: str, image: str, cosine: float) -> None:
        """Consider an image of a concept, by its SHA-256; equal images count once."""
        ranked, entry = self._ranked[concept], (-cosine, image)
        if len(ranked) == N_NEAREST and entry >= ranked[-1]:
            return
        if any(image == known for _, known in ranked):
            return
        bisect.insort(ranked, entry)
        del ranked[N_NEAREST:]

    def place(self, record: SampleRecord, image: str, place: Place) -> None:
        """Note where a sample was written; `image` is the SHA-256 of its first image."""
        if all(image != known for _, known in self._ranked.get(record.concept, ())):
            return
        domain = f"{record.concept}.{record.task}"
        self._placed.setdefault((record.concept, image), (domain, place))

    def images(self, domains: Iterable[Domain]) -> dict[str, tuple[NearImage, ...]]:
        """Return the images of each concept, the nearest first.

        Args:
            domains: All that were written.
        """
        shards = {domain.name: domain.shards for domain in domains}
        nearest = {}
        for concept, ranked in sorted(self._ranked.items()):
            placed = [(image, -cosine, *self._placed[concept, image]) for cosine, image in ranked]
            nearest[concept] = tuple(
                NearImage(
                    image=image,
                    cosine=cosine,
                    shard=shards[domain][place.tar].url,
                    offset=place.offset,
                )
                for image, cosine, domain, place in placed
            )
        return nearest
