"""`left-out.jsonl`: samples that were left out, or only noted, each with kind, place and why."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

from pydantic import ValidationError

from mixatlas.contract.canonical import Record
from mixatlas.contract.errors import CorpusInvalid

LeftOutKind = Literal["duplicate", "overlap"]


class LeftOutLine(Record):
    """One line of the file."""

    kind: LeftOutKind
    where: str
    why: str


@dataclass(slots=True)
class LeftOut:
    """Counts samples that were left out, or would have been, by kind, and lists them in a file.

    Args:
        file: Takes a line `{kind, where, why}` each.
    """

    file: BinaryIO
    duplicates: int = 0
    overlaps: int = 0

    def duplicate(self, where: str, why: str) -> None:
        """Note a sample that equals another one."""
        self.duplicates += 1
        self._write("duplicate", where, why)

    def overlap(self, where: str, why: str) -> None:
        """Note a sample whose image a benchmark asks about."""
        self.overlaps += 1
        self._write("overlap", where, why)

    def _write(self, kind: LeftOutKind, where: str, why: str) -> None:
        self.file.write(LeftOutLine(kind=kind, where=where, why=why).to_bytes())


@contextmanager
def noting(path: Path) -> Iterator[LeftOut]:
    """Yield what takes notes; the file is there at the end if there were any."""
    with path.open("wb") as file:
        left_out = LeftOut(file)
        yield left_out
    if not (left_out.duplicates or left_out.overlaps):
        path.unlink()


def read_left_out(path: Path) -> Iterator[LeftOutLine]:
    """Yield the lines of the file; none where there is no file.

    Raises:
        CorpusInvalid: A line is damaged.
    """
    if not path.exists():
        return
    with path.open("rb") as file:
        for number, content in enumerate(file, 1):
            try:
                yield LeftOutLine.model_validate_json(content)
            except ValidationError as error:
                raise CorpusInvalid(f"{path}:{number}: {error}") from error
