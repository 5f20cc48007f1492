"""Where sources lie: a folder, or a prefix of a store, behind one small protocol."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol, final

from mixatlas.adapters.s3 import S3Store


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
            FileMissing: There is none, or the name leads out of the root.
        """
        ...

    def on_disk(self, name: str) -> AbstractContextManager[Path]:
        """Yield a large file as one on this disk, for as long as the block lasts.

        Raises:
            FileMissing: As `read`.
        """
        ...


class FileMissing(Exception):
    """A file cannot be read; the message names it and says why."""


def checked_name(name: str) -> str:
    """Return a name below a root, normalised.

    Raises:
        FileMissing: It is empty or absolute, leads upwards, or has a NUL character.
    """
    path = PurePosixPath(name)
    if not name or "\0" in name or path.is_absolute() or ".." in path.parts or not path.parts:
        raise FileMissing(f"{name!r} is not a path below the images' folder")
    return str(path)


@final
class LocalFiles:
    """Files of a folder, or a single file: then its folder is the root, and it alone is listed.

    Args:
        place: The folder or file.
    """

    def __init__(self, place: Path) -> None:
        self._only = place if place.is_file() else None
        self._root = place.parent if self._only else place

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
        try:
            return self._path(name).read_bytes()
        except OSError as error:
            raise FileMissing(f"{name}: {error.strerror}") from error

    @contextmanager
    def on_disk(self, name: str) -> Iterator[Path]:
        """As `Files.on_disk`."""
        path = self._path(name)
        if not path.is_file():
            raise FileMissing(f"{name}: No such file")
        yield path

    def _path(self, name: str) -> Path:
        path = self._root / checked_name(name)
        # A link inside the folder may point anywhere.
        if not path.resolve().is_relative_to(self._root.resolve()):
            raise FileMissing(f"{name!r} leads out of the images' folder")
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
        content = self._store.get(self._root + checked_name(name))
        if content is None:
            raise FileMissing(f"{name}: no such object")
        return content

    @contextmanager
    def on_disk(self, name: str) -> Iterator[Path]:
        """As `Files.on_disk`."""
        with tempfile.TemporaryDirectory(prefix="mixatlas-") as folder:
            path = Path(folder) / PurePosixPath(name).name
            if not self._store.download(self._root + checked_name(name), path):
                raise FileMissing(f"{name}: no such object")
            yield path


def _info(path: Path, name: str) -> FileInfo:
    status = path.stat()
    return FileInfo(name=name, size=status.st_size, version=str(status.st_mtime_ns))


def _is_hidden(path: Path | PurePosixPath) -> bool:
    return any(part.startswith(".") for part in path.parts)
