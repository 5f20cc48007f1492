from __future__ import annotations

import io
import struct
import zlib

import pytest
from PIL import Image

from mixatlas.contract.errors import CorpusInvalid
from mixatlas_trainer.images import decode_image
from trainer_builders import png


def encoded(mode: str, form: str, size: tuple[int, int] = (8, 8)) -> bytes:
    out = io.BytesIO()
    Image.new(mode, size, 128).save(out, form)
    return out.getvalue()


def png_that_claims(width: int, height: int) -> bytes:
    """A few bytes whose header claims a huge picture."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    return b"\x89PNG\r\n\x1a\n" + chunk + png((0, 0, 0))[33:]


def test_pixels_keep_their_place_and_colour() -> None:
    image = Image.new("RGB", (8, 8), (1, 2, 3))
    image.putpixel((5, 2), (200, 100, 50))
    out = io.BytesIO()
    image.save(out, "PNG")

    pixels = decode_image(out.getvalue(), 8, where="x")

    assert pixels.shape == (3, 8, 8)
    assert pixels[:, 2, 5].tolist() == [200, 100, 50]
    assert pixels[:, 0, 0].tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    "content",
    [
        encoded("L", "PNG"),
        encoded("RGBA", "PNG"),
        encoded("P", "PNG"),
        encoded("L", "JPEG", (9, 30)),
    ],
    ids=["grey", "alpha", "palette", "jpeg-resized"],
)
def test_every_kind_of_image_becomes_rgb_of_one_size(content: bytes) -> None:
    assert decode_image(content, 8, where="x").shape == (3, 8, 8)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (png_that_claims(7100, 7100), "x: the image has 7100×7100 pixels"),
        (png_that_claims(30_000, 30_000), "x: the image cannot be read"),
        (encoded("RGB", "GIF"), "x: the image cannot be read"),
        (encoded("RGB", "PNG")[:-30], "x: the image cannot be read"),
        (b"", "x: the image cannot be read"),
    ],
    ids=["50-megapixels", "bomb", "gif", "truncated", "empty"],
)
def test_what_is_not_a_picture_of_bounded_size_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(CorpusInvalid, match=message):
        decode_image(content, 8, where="x")
