"""Images are checked by their headers and stored as they are."""

from __future__ import annotations

import hashlib
import io
import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image

from mixatlas.contract.errors import CorpusInvalid
from mixatlas.corpus.images import read_again, read_image, suffix_of_image
from mixatlas.corpus.pictures import FolderPictures
from raw_corpus import png


def encoded(kind: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (4, 4)).save(file, kind)
    return file.getvalue()


def bomb(width: int, height: int) -> bytes:
    """Return a PNG whose header promises more pixels than it has."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    return (
        b"\x89PNG\r\n\x1a\n"
        + struct.pack(">I", len(header))
        + chunk
        + struct.pack(">I", zlib.crc32(chunk))
        + png((0, 0, 0))[33:]
    )


def test_png_and_jpeg_are_taken() -> None:
    assert suffix_of_image(encoded("PNG")) == "png"
    assert suffix_of_image(encoded("JPEG")) == "jpg"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(encoded("GIF"), "not a PNG or JPEG image", id="another format"),
        pytest.param(b"", "not a PNG or JPEG image", id="empty"),
        pytest.param(b"<svg/>", "not a PNG or JPEG image", id="text"),
        pytest.param(bomb(8000, 7000), "8000 x 7000 is more than 50 megapixels", id="large"),
        pytest.param(bomb(20000, 20000), "more than 50 megapixels", id="very large"),
        pytest.param(png((1, 2, 3))[:-20], "broken: ", id="cut off"),
    ],
)
def test_others_are_refused(content: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        suffix_of_image(content)


def test_refusal_names_line_and_field(tmp_path: Path) -> None:
    with pytest.raises(CorpusInvalid) as error:
        read_image(
            FolderPictures(tmp_path), "a.png", field="images.0: a.png", where="samples.jsonl:3"
        )
    assert str(error.value) == "samples.jsonl:3: images.0: a.png: No such file or directory"


def test_image_changed_since_it_was_checked_is_refused(tmp_path: Path) -> None:
    path, pictures = tmp_path / "a.png", FolderPictures(tmp_path)
    path.write_bytes(png((1, 2, 3)))
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    assert (
        read_again(pictures, "a.png", sha256=sha256, where="samples.jsonl:3") == path.read_bytes()
    )
    path.write_bytes(png((3, 2, 1)))
    with pytest.raises(CorpusInvalid, match=r"samples\.jsonl:3: a\.png: changed while"):
        read_again(pictures, "a.png", sha256=sha256, where="samples.jsonl:3")
