"""Encoded images to pixels, with the file's claims checked before anything is decoded."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from mixatlas.contract.errors import CorpusInvalid

MAX_PIXELS = 50_000_000
_FORMATS = ("PNG", "JPEG")

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSettings:
    """What a vision tower expects.

    Attributes:
        size: Edge of the square input in pixels.
        mean: Of each channel, in 0 to 1; subtracted first.
        std: Of each channel, in 0 to 1; divided by after.
    """

    size: int
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    std: tuple[float, float, float] = (0.5, 0.5, 0.5)


def decode_image(encoded: bytes, size: int, *, where: str) -> Pixels:
    """Decode a PNG or JPEG to RGB pixels of one size.

    Args:
        encoded: The file's bytes.
        size: Edge of the result in pixels; other sizes are resampled (bicubic).
        where: Place of the image, for messages.

    Returns:
        Array of shape (3, size, size), 0 to 255.

    Raises:
        CorpusInvalid: Another format, broken bytes, or a header that claims more than 50
            megapixels: refused before decoding, because a small file can hold a huge picture.
    """
    try:
        # open() reads the header only; the list keeps rarely tested decoders out of reach.
        with Image.open(io.BytesIO(encoded), formats=_FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise CorpusInvalid(
                    f"{where}: the image has {image.width}×{image.height} pixels",
                    hint="At most 50 megapixels are taken: scale it down.",
                )
            image.load()
            # convert() copies even where there is nothing to convert.
            rgb: Image.Image = image if image.mode == "RGB" else image.convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise CorpusInvalid(f"{where}: the image cannot be read: {error}") from error
    if rgb.size != (size, size):
        rgb = rgb.resize((size, size), Image.Resampling.BICUBIC)
    return np.frombuffer(rgb.tobytes(), np.uint8).reshape(size, size, 3).transpose(2, 0, 1)
