"""Where sources lie: a folder, or a prefix of a store, behind one small protocol."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, BinaryIO, Protocol, final

from mixatlas.adapters.s3 import S3Store

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

LARGEST_READ = 256_000_000
"""Bytes of a file that is read whole: as many as a shard may have."""
_BLOCK_BYTES = 4 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class FileInfo:
    """A file: its path below the root, with slashes; its size in bytes; what changes with it."""

    name: str
    size: int
    version: str


class Files(Protocol):
    """The files below a root. Names that lead out of it are refused."""

    def list(self) -> Sequence[FileInfo]:
        """Return all files, hidden ones left out, sorted by name."""
        ...

    def read(self, name: str) -> bytes:
        """Return a small file.

        Raises:
            FileMissing: There is none, the name leads out of the root, or it is too large.
        """
        ...

    def open(self, name: str) -> BinaryIO:
        """Open a file of any size at its start; it can be sought in, and wants to be closed.

        Raises:
            FileMissing: As `read`, whatever its size.
        """
        ...


class FileMissing(Exception):
    """A file cannot be read; the message names it and says why."""


def checked_name(name: str) -> str:
    """Return a name below a root, normalised.

    Raises:
        FileMissing: It is empty or absolute, leads upwards, or has a NUL character or half of a
            surrogate pair.
    """
    path = PurePosixPath(name)
    is_text = "\0" not in name and not any("\ud800" <= letter <= "\udfff" for letter in name)
    if not is_text or path.is_absolute() or ".." in path.parts or not path.parts:
        raise FileMissing(f"{name!r} is not a path below the images' folder")
    return str(path)


def _check_size(name: str, size: int) -> None:
    if size > LARGEST_READ:
        raise FileMissing(f"{name}: {size:,} bytes, which is more than {LARGEST_READ:,}")


@final
class LocalFiles:
    """Files of a folder, or a single file: then its folder is the root, and it alone is listed.

    Args:
        place: The folder or file.
    """

    def __init__(self, place: Path) -> None:
        self._only = place if place.is_file() else None
        self._root = place.parent if self._only else place
        self._resolved = self._root.resolve()

    def list(self) -> Sequence[FileInfo]:
        """As `Files.list`."""
        found = [self._only] if self._only else sorted(self._root.rglob("*"))
        return sorted(
            (
                _info(path, path.relative_to(self._root).as_posix())
                for path in found
                if path.is_file() and not _is_hidden(path.relative_to(self._root))
            ),
            key=lambda info: info.name,
        )

    def read(self, name: str) -> bytes:
        """As `Files.read`."""
        path = self._path(name)
        try:
            _check_size(name, path.stat().st_size)
            return path.read_bytes()
        except OSError as error:
            raise FileMissing(f"{name}: {error.strerror}") from error

    def open(self, name: str) -> BinaryIO:
        """As `Files.open`."""
        try:
            return self._path(name).open("rb")
        except OSError as error:
            raise FileMissing(f"{name}: {error.strerror}") from error

    def _path(self, name: str) -> Path:
        path = self._root / checked_name(name)
        try:
            # A link inside the folder may point anywhere.
            is_inside = path.resolve().is_relative_to(self._resolved)
            is_file = path.is_file()
        except (OSError, RuntimeError) as error:  # a name too long, or links in a circle
            raise FileMissing(f"{name}: cannot be found") from error
        if not is_inside:
            raise FileMissing(f"{name!r} leads out of the images' folder")
        if not is_file:
            raise FileMissing(f"{name}: no such file")
        return path


@final
class StoreFiles:
    """Objects below a prefix, or a single object.

    Args:
        uri: `s3://BUCKET/PREFIX`, with or without a final slash, or that of one object.
        store: Where it lies.
    """

    def __init__(self, uri: str, store: S3Store) -> None:
        self._store = store
        prefix = uri.rstrip("/")
        found = store.stat(prefix)
        self._found = store.stat(f"{prefix}/")
        if not self._found and prefix in found:
            self._found = {prefix: found[prefix]}
            prefix = prefix.rpartition("/")[0]
        self._root = f"{prefix}/"

    def list(self) -> Sequence[FileInfo]:
        """As `Files.list`."""
        infos = (
            FileInfo(name=uri.removeprefix(self._root), size=size, version=etag)
            for uri, (size, etag) in self._found.items()
        )
        return sorted(
            (info for info in infos if not _is_hidden(PurePosixPath(info.name))),
            key=lambda info: info.name,
        )

    def read(self, name: str) -> bytes:
        """As `Files.read`."""
        uri = self._root + checked_name(name)
        if uri in self._found:
            _check_size(name, self._found[uri][0])
        content = self._store.get(uri)
        if content is None:
            raise FileMissing(f"{name}: no such object")
        return content

    def open(self, name: str) -> BinaryIO:
        """As `Files.open`: it is read in ranges of some megabytes, never downloaded."""
        uri = self._root + checked_name(name)
        if uri not in self._found:
            raise FileMissing(f"{name}: no such object")
        size, _ = self._found[uri]
        return io.BufferedReader(_StoredFile(self._store, uri, size), _BLOCK_BYTES)


class _StoredFile(io.RawIOBase):
    """An object as a file; every read is a request of its own, which the store tries again."""

    def __init__(self, store: S3Store, uri: str, size: int) -> None:
        self._store = store
        self._uri = uri
        self._size = size
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        if start + offset < 0:
            raise ValueError(f"negative position {start + offset}")
        self._position = start + offset
        return self._position

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer)
        length = min(len(view), self._size - self._position)
        if length <= 0:
            return 0
        content = self._store.get_range(self._uri, offset=self._position, length=length)
        if content is None or len(content) != length:
            raise FileMissing(f"{self._uri} was changed while it was read")
        view[: len(content)] = content
        self._position += len(content)
        return len(content)


def _info(path: Path, name: str) -> FileInfo:
    status = path.stat()
    return FileInfo(name=name, size=status.st_size, version=str(status.st_mtime_ns))


def _is_hidden(path: Path | PurePosixPath) -> bool:
    return any(part.startswith(".") for part in path.parts)
