"""The folder of a model that a document names: its own, or a copy of what lies in a store."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from mixatlas.contract.canonical import canonical_json, sha256_hex
from mixatlas.contract.errors import SpecError
from mixatlas.corpus.files import Files


def checkpoint_folder(
    place: str, document: Path, scratch: Path, open_files: Callable[[str], Files]
) -> Path:
    """Return a local folder with a checkpoint.

    Args:
        place: A path relative to the document, or `s3://…`, which is downloaded once.
        document: Path of the document.
        scratch: Where downloads are kept.
        open_files: Opens a place.

    Raises:
        SpecError: There is nothing.
    """
    if not place.startswith("s3://"):
        folder = document.parent / place
        if not folder.is_dir():
            raise SpecError(f"concepts.model: {folder}: no such folder", hint=_HINT)
        return folder
    files = open_files(place)
    infos = files.list()
    if not infos:
        raise SpecError(f"concepts.model: there is nothing at {place}", hint=_HINT)
    versions = [[place], *([info.name, info.version] for info in infos)]
    folder = scratch / f"model-{sha256_hex(canonical_json(versions))[:12]}"
    if not folder.is_dir():
        partial = folder.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        for info in infos:
            copy = partial / info.name
            copy.parent.mkdir(parents=True, exist_ok=True)
            with files.open(info.name) as source, copy.open("wb") as target:
                shutil.copyfileobj(source, target)
        partial.rename(folder)
    return folder


_HINT = "Give a folder with a CLIP or SigLIP checkpoint, relative to the document, or s3://…"
