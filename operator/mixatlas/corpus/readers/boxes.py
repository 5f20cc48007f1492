"""Boxes as answers: from pixels to four integers from 0 to 999, x0 y0 x1 y1.

The metric BoxIou reads its answers so, with 999 for the far edge of the image.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image

from mixatlas.corpus.raw import RawImage
from mixatlas.corpus.readers.columns import Unusable, kind_of

UNIT = 999
SLACK_PIXELS = 1.0
"""How far a box may reach out of its image: annotators round."""

_LARGEST = 1e9


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """Width and height of an image in pixels."""

    width: int
    height: int


def size_of(image: RawImage) -> Size:
    """Return the size that the header of a checked image tells."""
    with Image.open(io.BytesIO(image.content), formats=("PNG", "JPEG")) as opened:
        return Size(width=opened.width, height=opened.height)


def check_size(size: Size, *, width: object, height: object, image: str) -> None:
    """Check that boxes were drawn on an image of this size.

    Args:
        size: Of the image.
        width: As the annotation has it, None without.
        height: As the annotation has it, None without.
        image: Its name.

    Raises:
        Unusable: The annotation tells another size.
    """
    told = (size.width if width is None else width, size.height if height is None else height)
    if told != (size.width, size.height):
        raise Unusable(
            f"image {image}: {size.width} x {size.height}, "
            f"but its annotation says {told[0]!r} x {told[1]!r}"
        )


def box_text(box: object, size: Size, *, name: str) -> str:
    """Write a box as an answer.

    Args:
        box: [x, y, width, height] in pixels, as COCO has it.
        size: Of the image.
        name: Of the column.

    Raises:
        Unusable: It is no box, has no area, or leaves the image by more than a pixel.
    """
    x, y, width, height = _four_numbers(box, name)
    if width <= 0 or height <= 0:
        raise Unusable(f"{name}: {box} has no area; a box is [x, y, width, height]")
    reach = max(-x, -y, x + width - size.width, y + height - size.height)
    if reach > SLACK_PIXELS:
        raise Unusable(
            f"{name}: {box} leaves the image of {size.width} x {size.height}; "
            "a box is [x, y, width, height] in pixels"
        )
    x0, x1 = _side(x, x + width, size.width)
    y0, y1 = _side(y, y + height, size.height)
    return f"{x0} {y0} {x1} {y1}"


def _four_numbers(box: object, name: str) -> Sequence[float]:
    if not isinstance(box, list):
        raise Unusable(f"{name}: must be a list of four numbers, not {kind_of(box)}")
    if len(box) != 4:
        raise Unusable(f"{name}: has {len(box)} numbers; a box is [x, y, width, height]")
    for index, number in enumerate(box):
        if isinstance(number, bool) or not isinstance(number, int | float):
            raise Unusable(f"{name}.{index}: must be a number, not {kind_of(number)}")
        if not -_LARGEST < number < _LARGEST:  # nor is NaN
            raise Unusable(f"{name}.{index}: must be a finite number of pixels")
    return box


def _side(start: float, end: float, length: int) -> tuple[int, int]:
    """Return both ends of a side in units; the smallest box is one unit wide."""
    low = round(min(max(start, 0), length) / length * UNIT)
    high = round(min(max(end, 0), length) / length * UNIT)
    if low == high:
        return (low, low + 1) if low < UNIT else (low - 1, low)
    return low, high
