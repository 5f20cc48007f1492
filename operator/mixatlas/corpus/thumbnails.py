"""Images → small pictures that stand inside a page."""

from __future__ import annotations

import base64
import io
import warnings

from PIL import Image

from mixatlas.corpus.images import suffix_of_image

SIDE = 96
"""Longest edge in pixels."""


def thumbnail(content: bytes) -> str:
    """Return an image as a `data:` URI of a WebP of at most 96 x 96 pixels.

    Args:
        content: A PNG or JPEG file.

    Raises:
        ValueError: It cannot be decoded, or has more than 50 megapixels; the message says so.
    """
    suffix_of_image(content)
    try:
        with warnings.catch_warnings():
            # Its size was checked against our own, stricter limit.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(content), formats=("PNG", "JPEG"))
        image.draft("RGB", (2 * SIDE, 2 * SIDE))  # a JPEG at the next larger eighth of its size
        image.thumbnail((SIDE, SIDE))
        pixels = image.convert("RGBA")
    except (OSError, SyntaxError, ValueError) as error:
        raise ValueError(f"cannot be decoded: {error}") from error
    # A new image: transparent parts turn white, and profiles and comments stay behind.
    shown = Image.new("RGB", pixels.size, "white")
    shown.paste(pixels, mask=pixels)
    file = io.BytesIO()
    shown.save(file, "WEBP", quality=75)
    return f"data:image/webp;base64,{base64.b64encode(file.getvalue()).decode()}"
