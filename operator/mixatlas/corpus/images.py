"""Images as they are: their header is read, never their pixels."""

from __future__ import annotations

import io
import warnings

from PIL import Image, UnidentifiedImageError

from mixatlas.contract.canonical import sha256_hex
from mixatlas.contract.errors import CorpusInvalid
from mixatlas.corpus.pictures import Pictures

MAX_PIXELS = 50_000_000
_SUFFIX = {"PNG": "png", "JPEG": "jpg"}


def suffix_of_image(content: bytes) -> str:
    """Check an image and return the suffix of its format, `png` or `jpg`.

    Args:
        content: The file. Only its header is decoded, so that a bomb costs nothing; the
            checksums of a PNG are verified.

    Raises:
        ValueError: Another format, a broken file, or more than 50 megapixels.
    """
    try:
        with warnings.catch_warnings():
            # Pillow warns of large images; ours is the stricter limit and an error.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(content), formats=tuple(_SUFFIX))
        width, height = image.size
        if width * height > MAX_PIXELS:
            raise ValueError(f"{width} x {height} is more than 50 megapixels")
        image.verify()
    except Image.DecompressionBombError as error:
        raise ValueError("more than 50 megapixels") from error
    except UnidentifiedImageError as error:
        raise ValueError("not a PNG or JPEG image") from error
    except (OSError, SyntaxError) as error:
        raise ValueError(f"broken: {error}") from error
    return _SUFFIX[str(image.format)]


def read_image(pictures: Pictures, reference: str, *, field: str, where: str) -> tuple[bytes, str]:
    """Read an image, checked.

    Args:
        pictures: Where it lies.
        reference: Of the image.
        field: How the sample names it, for the message.
        where: Place of the sample.

    Returns:
        (its bytes, `png` or `jpg`)

    Raises:
        CorpusInvalid: It cannot be read, or is not an image that a corpus may hold.
    """
    try:
        content = pictures.read(reference)
        return content, suffix_of_image(content)
    except OSError as error:
        raise CorpusInvalid(f"{field}: {error.strerror}", where=where) from error
    except ValueError as error:
        raise CorpusInvalid(f"{field}: {error}", where=where) from error


def read_again(pictures: Pictures, reference: str, *, sha256: str, where: str) -> bytes:
    """Read an image that was checked before, and make sure that it is still the same.

    Raises:
        CorpusInvalid: It is gone or was changed in between.
    """
    try:
        content = pictures.read(reference)
    except OSError as error:
        raise CorpusInvalid(f"{reference}: {error.strerror}", where=where) from error
    if sha256_hex(content) != sha256:
        raise CorpusInvalid(f"{reference}: changed while the corpus was packed", where=where)
    return content
