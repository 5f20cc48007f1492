"""An object store that is a folder: for corpora on a disk, and for looking at a copied ledger."""

from __future__ import annotations

import os
import uuid
from pathlib import Path
from typing import final

from mixatlas.contract.errors import SpecError, StoreForbidden, StoreUnavailable

_PARTIAL = ".partial-"


@final
class FolderStore:
    """Objects by `file:///FOLDER/KEY` or by plain path. Safe to use from several threads.

    What follows `file://` is the path as it is, nothing escaped. URIs that `list` returns are
    written as its prefix was: paths for a path, `file://` for a `file://`.
    """

    def get(self, uri: str) -> bytes | None:
        """Return an object, or None when there is none."""
        try:
            return _path(uri).read_bytes()
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            return None
        except OSError as error:
            raise _translate(uri, error) from error

    def put(self, uri: str, data: bytes) -> None:
        """Write an object whole, or not at all."""
        path = _path(uri)
        partial = path.with_name(f"{_PARTIAL}{uuid.uuid4().hex}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                with partial.open("xb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                partial.replace(path)
            finally:
                partial.unlink(missing_ok=True)
        except OSError as error:
            raise _translate(uri, error) from error

    def list(self, prefix: str) -> list[str]:
        """Return the URIs of all objects below a prefix, sorted.

        As in S3 a prefix is text: `runs/1` also finds `runs/10/a`.
        """
        start = _path(prefix)
        head, _, last = prefix.rpartition("/")
        folder = start if not last else start.parent
        found = (path for path in folder.rglob("*") if path.is_file())
        uris = (
            f"{head}/{path.relative_to(folder).as_posix()}"
            for path in found
            if not path.name.startswith(_PARTIAL)
        )
        return sorted(uri for uri in uris if uri.startswith(prefix))

    def delete(self, uri: str) -> None:
        """Remove an object; one that is not there is removed already."""
        try:
            _path(uri).unlink(missing_ok=True)
        except (NotADirectoryError, IsADirectoryError):
            return
        except OSError as error:
            raise _translate(uri, error) from error


def _path(uri: str) -> Path:
    path = uri.removeprefix("file://")
    if "://" in path:
        raise SpecError(f"{uri} is no folder", hint="Write a path, or file:///PATH.")
    return Path(path)


def _translate(uri: str, error: OSError) -> StoreForbidden | StoreUnavailable:
    if isinstance(error, PermissionError):
        return StoreForbidden(f"{uri}: {error.strerror}", hint="Check the folder's permissions.")
    return StoreUnavailable(f"{uri}: {error.strerror}", hint="Check the disk and the path.")
