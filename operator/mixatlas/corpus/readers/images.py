"""Images of samples: from a source's files, or from the bytes that it carries."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath

from mixatlas.corpus.files import FileMissing, Files
from mixatlas.corpus.images import suffix_of_image
from mixatlas.corpus.raw import RawImage
from mixatlas.corpus.readers.columns import Unusable, kind_of

TAKEN = "only PNG and JPEG are taken"
MAX_IMAGES = 64
# The first bytes of what lies among images. Names are for messages: nothing of it is decoded.
_OTHERS = (
    (0, b"GIF8", "a GIF"),
    (8, b"WEBP", "a WebP image"),
    (0, b"BM", "a BMP image"),
    (0, b"II*\0", "a TIFF image"),
    (0, b"MM\0*", "a TIFF image"),
    (4, b"ftypavi", "an AVIF image"),
    (4, b"ftyphei", "a HEIC image"),
    (4, b"ftypmif1", "a HEIC image"),
    (4, b"jP  ", "a JPEG 2000 image"),
    (4, b"JXL ", "a JPEG XL image"),
    (0, b"\xff\x0a", "a JPEG XL image"),
    (0, b"%PDF", "a PDF"),
    (0, b"<svg", "an SVG image"),
    (0, b"<?xml", "an XML file"),
    (0, b"<", "a page of HTML"),
    (0, b"version https://git-lfs", "a pointer of Git LFS, not the image"),
)
_END_OF_IMAGE, _START_OF_SCAN = b"\xff\xd9", b"\xff\xda"


def images_of(value: object, files: Files, *, name: str, folder: str = "") -> tuple[RawImage, ...]:
    """Return the images that a column holds.

    Args:
        value: One image or a list of them, or None: a path, bytes, or an object with `bytes`
            and `path` as the datasets library writes it. Bytes win over the path.
        files: Where paths lead.
        name: Of the column, for messages.
        folder: Below the root of `files`; paths are relative to it.

    Raises:
        Unusable: An image is missing, broken, too large or of another format.
    """
    if not isinstance(value, list):
        return () if value is None else (_image(value, files, name=name, folder=folder),)
    if len(value) > MAX_IMAGES:
        raise Unusable(f"{name}: {len(value)} images; at most {MAX_IMAGES} are possible")
    return tuple(
        _image(entry, files, name=f"{name}.{index}", folder=folder)
        for index, entry in enumerate(value)
    )


def read_image(path: str, files: Files) -> RawImage:
    """Return an image by its path, checked.

    Raises:
        Unusable: As `images_of`.
    """
    try:
        content = files.read(path)
    except FileMissing as error:
        raise Unusable(f"image {error}") from error
    return checked_image(path, content)


def checked_image(name: str, content: bytes) -> RawImage:
    """Return an image whose header, and the end of a JPEG, are in order.

    Raises:
        Unusable: As `images_of`.
    """
    if not content:
        raise Unusable(f"image {name}: is empty")
    try:
        suffix = suffix_of_image(content)
    except ValueError as error:
        for offset, magic, kind in _OTHERS:
            if content.startswith(magic, offset):
                raise Unusable(f"image {name}: {kind}; {TAKEN}") from error
        raise Unusable(f"image {name}: {error}") from error
    # A JPEG's header says nothing of its end; markers cannot stand inside the scan's data.
    if suffix == "jpg" and content.rfind(_END_OF_IMAGE) <= content.rfind(_START_OF_SCAN):
        raise Unusable(f"image {name}: broken: the file ends inside the picture")
    return RawImage(name=name, content=content)


def origin_of(path: str) -> str:
    """Return the first folder of a path: in most collections the dataset's name; or nothing."""
    parts = PurePosixPath(path).parts
    return parts[0] if len(parts) > 1 else ""


def _image(value: object, files: Files, *, name: str, folder: str) -> RawImage:
    if isinstance(value, bytes):
        return checked_image(name, value)
    if isinstance(value, Mapping):
        content, path = value.get("bytes"), value.get("path")
        if isinstance(content, bytes):
            return checked_image(path if isinstance(path, str) and path else name, content)
        if content is not None:
            raise Unusable(f"{name}.bytes: must be bytes, not {kind_of(content)}")
        if path is None:
            raise Unusable(f"{name}: has neither bytes nor a path")
        value, name = path, f"{name}.path"
    if not isinstance(value, str):
        raise Unusable(f"{name}: must be a path, not {kind_of(value)}")
    if not value:
        raise Unusable(f"{name}: is empty")
    return read_image(f"{folder}/{value}" if folder else value, files)
