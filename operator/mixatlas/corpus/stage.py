"""What each stage does to each part: write one file, and a marker once it is whole.

A file is written under another name and renamed; its marker follows. So whoever finds the marker
finds the file whole, and a build that was killed goes on behind the last one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, TypeVar

from pydantic import ValidationError

from mixatlas.contract.canonical import Record


class StageMarker(Record):
    """`FILE.json`: `input` is the digest of all that the file was made of."""

    input: str


Marker = TypeVar("Marker", bound=StageMarker)


def run_stage(
    path: Path, kind: type[Marker], made_of: str, write: Callable[[BinaryIO], Marker]
) -> Marker:
    """Write a file and its marker, unless they are there and made of the same.

    Args:
        path: Of the file.
        kind: Of its marker.
        made_of: Digest of the input and of all settings that matter.
        write: Writes the file's content and returns its marker.

    Returns:
        The marker, new or found.
    """
    marker_path = path.with_name(f"{path.name}.json")
    try:
        done = kind.model_validate_json(marker_path.read_bytes())
        if done.input == made_of and path.exists():
            return done
    except (FileNotFoundError, ValidationError):
        pass  # never finished, or by another version
    marker_path.unlink(missing_ok=True)
    with _appearing_whole(path) as file:
        marker = write(file)
    with _appearing_whole(marker_path) as file:
        file.write(marker.to_bytes())
    return marker


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
