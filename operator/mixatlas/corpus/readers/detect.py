"""Which format files are of, by what they begin with."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from pathlib import PurePosixPath
from typing import Any, BinaryIO

from mixatlas.contract.errors import CorpusInvalid
from mixatlas.corpus.files import FileMissing, Files
from mixatlas.corpus.readers.columns import Unusable
from mixatlas.corpus.readers.json_pieces import members, pieces

_HEAD_BYTES = 2**16
_TAR_MAGIC_AT = 257
_NO_ANNOTATIONS = frozenset(
    {".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".md", ".txt"}
)
_MAX_TRIED = 1000


def detect(files: Files) -> str:
    """Return the format that a source's files are of.

    The first file decides whose content tells a format; images and notes are not looked into.

    Raises:
        CorpusInvalid: None does.
    """
    n_tried = 0
    for info in files.list():
        if PurePosixPath(info.name.lower()).suffix in _NO_ANNOTATIONS or not info.size:
            continue
        try:
            with closing(files.open(info.name)) as file:
                found = _format(file, info.name)
        except FileMissing:
            continue
        if found is not None:
            return found
        n_tried += 1
        if n_tried == _MAX_TRIED:
            break
    raise CorpusInvalid(
        "the files are of no format that is known", hint="Give --format, or look at the files."
    )


def _format(file: BinaryIO, name: str) -> str | None:
    head = file.read(_HEAD_BYTES)
    file.seek(0)
    if head.startswith(b"PAR1"):
        return "Cauldron"
    if head.startswith(b"\xff\xff\xff\xff"):
        return "HfDataset"
    is_packed_tar = head.startswith(b"\x1f\x8b") and name.lower().endswith((".tgz", ".tar.gz"))
    if is_packed_tar or head.startswith(b"ustar", _TAR_MAGIC_AT):
        return "WebDataset"
    try:
        return _of_record(_first(file, name)) or _of_object(file, name)
    except CorpusInvalid:
        return None


def _first(file: BinaryIO, name: str) -> Mapping[str, Any]:
    """Return the first record of an array or of lines, or an empty one."""
    try:
        for piece in pieces(file, name):
            try:
                return piece.parse()
            except Unusable:
                continue
    except CorpusInvalid:
        return {}
    return {}


def _of_record(record: Mapping[str, Any]) -> str | None:
    if "file_name" in record:
        return "Folder"
    if "bbox" in record:
        return "Grounding"
    is_text = any(name in record for name in ("conversations", "answer", "caption", "turns"))
    return "Llava" if is_text else None


def _of_object(file: BinaryIO, name: str) -> str | None:
    file.seek(0)
    for piece in members(file, name, ["annotations", "_data_files"]):
        try:
            record = piece.parse()
        except Unusable:
            continue
        if piece.key == "_data_files":
            return "HfDataset"
        if "caption" in record:
            return "CocoCaptions"
        if "bbox" in record:
            return "CocoInstances"
    return None
