"""Images of benchmark items, so that what was trained on is not what is measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

from mixatlas.contract.canonical import canonical_json, sha256_hex
from mixatlas.contract.errors import CorpusInvalid
from mixatlas.corpus.lines import ItemLine, read_lines
from mixatlas.corpus.parts import PartRecord
from mixatlas.corpus.pictures import FolderPictures


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemImage:
    """An image of a benchmark item, by its content's SHA-256; `item` names the item."""

    item: str
    sha256: str
    path: Path


def item_images(items: Path) -> list[ItemImage]:
    """Return the images of all benchmark items, each content once.

    Args:
        items: JSON lines; image paths are relative to its folder.

    Raises:
        CorpusInvalid: A line or an image cannot be read.
    """
    found: dict[str, ItemImage] = {}
    pictures = FolderPictures(items.parent)
    for placed in read_lines(items, ItemLine):
        for image in placed.line.images:
            try:
                sha256 = sha256_hex(pictures.read(image))
            except OSError as error:
                raise CorpusInvalid(f"{image}: {error.strerror}", where=placed.where) from error
            item = f"{placed.line.benchmark} at {placed.where}"
            found.setdefault(sha256, ItemImage(item=item, sha256=sha256, path=items.parent / image))
    return list(found.values())


@final
class Overlaps:
    """Tells which samples show what a benchmark asks about.

    Args:
        images: Of all items.
        similar: By SHA-256 of a sample's first image, what it resembles; see `ModelAxis`.
    """

    def __init__(
        self, images: Sequence[ItemImage], similar: Mapping[bytes, str] | None = None
    ) -> None:
        self._items = {image.sha256: image.item for image in images}
        self._similar = similar or {}

    def of(self, record: PartRecord) -> str:
        """Return what a sample has in common with an item, for people; empty for nothing."""
        for sha256 in record.hashes:
            if sha256 in self._items:
                return f"the image of {self._items[sha256]}"
        if record.hashes:
            return self._similar.get(bytes.fromhex(record.hashes[0]), "")
        return ""


def images_digest(images: Sequence[ItemImage]) -> str:
    """Return the digest of items' images."""
    return sha256_hex(canonical_json(sorted(image.sha256 for image in images)))
