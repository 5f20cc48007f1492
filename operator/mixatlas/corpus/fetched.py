"""Folders that a document names: beside it, or a copy of what lies in a store."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mixatlas.contract.canonical import canonical_json, sha256_hex
from mixatlas.contract.errors import SpecError
from mixatlas.corpus.files import Files


@dataclass(frozen=True, slots=True, kw_only=True)
class Folders:
    """Finds the folders of a document.

    Args:
        document: Its path; places are relative to it, or `s3://…`.
        scratch: Where copies are kept.
        open_files: Opens a place.
    """

    document: Path
    scratch: Path
    open_files: Callable[[str], Files]

    def find(self, field: str, place: str) -> Path:
        """Return a local folder; one in a store is downloaded once.

        Args:
            field: That names the place, for messages.
            place: What it says.

        Raises:
            SpecError: There is nothing.
        """
        if not place.startswith("s3://"):
            folder = self.document.parent / place
            if not folder.is_dir():
                raise SpecError(f"{field}: {folder}: no such folder", hint=_HINT)
            return folder
        files = self.open_files(place)
        infos = files.list()
        if not infos:
            raise SpecError(f"{field}: there is nothing at {place}", hint=_HINT)
        versions = [[place], *([info.name, info.version] for info in infos)]
        folder = self.scratch / f"folder-{sha256_hex(canonical_json(versions))[:12]}"
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


_HINT = "Give a folder, relative to the document, or s3://…"
