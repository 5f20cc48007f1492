"""A bounded folder of immutable files, named by their SHA-256 and shared by processes."""

from __future__ import annotations

import logging
import os
import threading
from pathlib import Path
from typing import final

from mixatlas.contract.errors import CorpusInvalid
from mixatlas_trainer.objects import ObjectMissing, Objects, local_path, sha256_of

_LOG = logging.getLogger(__name__)


@final
class Cache:
    """Files by content. Each is complete from the moment that its name is there.

    A file is written under a name of its own and renamed into place, so several processes may
    share the folder: at worst two of them download the same file. A file that is removed while
    someone reads it stays readable to them.

    Args:
        folder: Made if missing. Mount a volume there to share it between trials.
        limit_bytes: Above it the files used longest ago are removed.
        objects: Where files come from.
    """

    def __init__(self, folder: Path, limit_bytes: int, objects: Objects) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._limit_bytes = limit_bytes
        self._objects = objects
        self._verified: set[str] = set()

    def open(self, uri: str, sha256: str) -> int:
        """Return a read-only file descriptor of verified content; the caller closes it.

        A file on this machine is read where it lies. A cached one is verified once a process.

        Raises:
            CorpusInvalid: The object is missing, or its content is not what it should be.
            StoreUnavailable, StoreForbidden: As `Objects.download`.
        """
        while True:
            path = self.path(uri, sha256)
            try:
                return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                # Another process evicted it between the two lines: fetch it again.
                self._verified.discard(sha256)

    def path(self, uri: str, sha256: str) -> Path:
        """Return the path of verified content. Errors as `open`."""
        source = local_path(uri)
        if source is not None:
            self._check_in_place(uri, source, sha256)
            return source
        target = self._folder / sha256
        if self._is_good(target, sha256):
            return target
        self._download(uri, sha256, target)
        self._verified.add(sha256)
        self._evict(keep=sha256)
        return target

    def _check_in_place(self, uri: str, source: Path, sha256: str) -> None:
        if sha256 in self._verified:
            return
        if not source.is_file():
            raise CorpusInvalid(f"{uri} does not exist", hint="Restore the file.")
        _check_sum(uri, sha256_of(source), sha256)
        self._verified.add(sha256)

    def _is_good(self, target: Path, sha256: str) -> bool:
        """Return whether a cached file is there and undamaged, and mark it as used now."""
        try:
            os.utime(target)
            if sha256 in self._verified:
                return True
            good = sha256_of(target) == sha256
        except FileNotFoundError:
            return False
        if good:
            self._verified.add(sha256)
        else:
            _LOG.warning("%s in the cache is damaged: downloaded again", target)
        return good

    def _download(self, uri: str, sha256: str, target: Path) -> None:
        part = self._folder / f".{sha256}.{os.getpid()}.{threading.get_ident()}.part"
        try:
            _check_sum(uri, self._objects.download(uri, part), sha256)
            part.replace(target)
        except ObjectMissing as error:
            raise CorpusInvalid(error.message, hint="Restore the object.") from error
        finally:
            part.unlink(missing_ok=True)

    def _evict(self, *, keep: str) -> None:
        files: list[tuple[float, int, Path]] = []
        for path in self._folder.iterdir():
            try:
                stat = path.stat()
            except FileNotFoundError:
                continue
            if not path.name.startswith("."):
                files.append((stat.st_mtime, stat.st_size, path))
        used = sum(size for _, size, _ in files)
        for _, size, path in sorted(files):
            if used <= self._limit_bytes:
                return
            if path.name != keep:
                path.unlink(missing_ok=True)
                self._verified.discard(path.name)
                used -= size


def _check_sum(uri: str, actual: str, expected: str) -> None:
    if actual != expected:
        raise CorpusInvalid(
            f"{uri} has sha256 {actual}, and {expected} was promised",
            hint="The object was changed or damaged: restore it, or pack the corpus again.",
        )
