"""What each stage does to each part: write one file, and a marker once it is whole.

A file is written under another name and renamed; its marker follows. So whoever finds the marker
finds the file whole, and a build that was killed goes on behind the last one. Where pods share
the work, both are then stored, the marker last.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeVar, final

from pydantic import ValidationError

from mixatlas.adapters.s3 import S3Store
from mixatlas.contract.canonical import Record
from mixatlas.contract.errors import CorpusInvalid
from mixatlas.corpus.files import StoreFiles


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedPlace:
    """A prefix of a store that several machines leave their files in.

    Args:
        uri: `s3://BUCKET/PREFIX`, without a final slash.
        store: Where it lies.
    """

    uri: str
    store: S3Store


@final
class Workspace:
    """The files that stages leave for each other: a folder, and what machines share.

    Args:
        folder: Is made when it is needed.
        shared: Files that are not in the folder are taken from here, and new ones stored.
    """

    def __init__(self, folder: Path, shared: SharedPlace | None = None) -> None:
        self.folder = folder
        self._shared = shared

    def path(self, name: str) -> Path:
        """Return a file's path in the folder; it is fetched if it is not there.

        Raises:
            CorpusInvalid: There is no such file.
        """
        path = self.folder / name
        if path.exists():
            return path
        if not (self._shared and self.holds(name)):
            raise CorpusInvalid(
                f"{name} is missing in {self._shared.uri if self._shared else self.folder}",
                hint="Run the stages before this one.",
            )
        files = StoreFiles(f"{self._shared.uri}/{name}", self._shared.store)
        with _appearing_whole(path) as target, files.open(name) as source:
            shutil.copyfileobj(source, target)
        return path

    def holds(self, name: str) -> bool:
        """Tell whether a file is there."""
        if (self.folder / name).exists() or self._shared is None:
            return (self.folder / name).exists()
        uri = f"{self._shared.uri}/{name}"
        return uri in self._shared.store.stat(uri)

    def read(self, name: str) -> bytes | None:
        """Return a small file, None without it."""
        with suppress(FileNotFoundError):
            return (self.folder / name).read_bytes()
        return self._shared.store.get(f"{self._shared.uri}/{name}") if self._shared else None

    def forget(self, name: str) -> None:
        """Remove a file, wherever it is."""
        (self.folder / name).unlink(missing_ok=True)
        if self._shared:
            self._shared.store.delete(f"{self._shared.uri}/{name}")

    @contextmanager
    def writing(self, name: str) -> Iterator[BinaryIO]:
        """Yield a file that is there when the block ends well, and not at all otherwise."""
        path = self.folder / name
        with _appearing_whole(path) as file:
            yield file
        if self._shared:
            self._shared.store.put_file(f"{self._shared.uri}/{name}", path)


class StageMarker(Record):
    """`FILE.json`: `input` is the digest of all that the file was made of."""

    input: str


Marker = TypeVar("Marker", bound=StageMarker)


def run_stage(
    work: Workspace,
    name: str,
    kind: type[Marker],
    made_of: str,
    write: Callable[[BinaryIO], Marker],
) -> Marker:
    """Write a file and its marker, unless they are there and made of the same.

    Args:
        work: Where the file belongs.
        name: Of the file.
        kind: Of its marker.
        made_of: Digest of the input and of all settings that matter.
        write: Writes the file's content and returns its marker.

    Returns:
        The marker, new or found.
    """
    marker_name = f"{name}.json"
    done = read_marker(work, name, kind)
    if done and done.input == made_of and work.holds(name):
        return done
    work.forget(marker_name)
    with work.writing(name) as file:
        marker = write(file)
    with work.writing(marker_name) as file:
        file.write(marker.to_bytes())
    return marker


def read_marker(work: Workspace, name: str, kind: type[Marker]) -> Marker | None:
    """Return the marker of a file, None where it was never finished, or by another version."""
    content = work.read(f"{name}.json")
    try:
        return kind.model_validate_json(content) if content is not None else None
    except ValidationError:
        return None


@contextmanager
def _appearing_whole(path: Path) -> Iterator[BinaryIO]:
    """Yield a file that takes its name when the block ends well, and is gone when it does not."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.partial")
    try:
        with partial.open("wb") as file:
            yield file
        partial.rename(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        with suppress(OSError):  # there are other parts
            path.parent.rmdir()
        raise
