"""WebDataset tars whose bytes depend on their content alone."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple, final

_BLOCK = 512
_END = 2 * _BLOCK


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One file of a sample: `KEY.SUFFIX` in the tar."""

    suffix: str
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenShard:
    """A finished tar. `tokens` is 0 for benchmark items, whose tokens nobody counts."""

    path: Path
    sha256: str
    n_bytes: int
    n_samples: int
    tokens: int


class Place(NamedTuple):
    """Where a sample begins: the number of its tar, and the byte in it."""

    tar: int
    offset: int


class SampleTooLarge(Exception):
    """A sample does not fit into a shard."""


class _HashingFile(io.RawIOBase):
    """A file that is hashed while it is written."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.digest = hashlib.sha256()
        self.n_bytes = 0

    def tell(self) -> int:
        return self.n_bytes

    def write(self, content: bytes) -> int:  # type: ignore[override]  # tarfile gives bytes
        self.digest.update(content)
        self.n_bytes += len(content)
        return self._file.write(content)


@final
class ShardWriter:
    """Writes samples into tars of a bounded size, in the order that they come in.

    A finished tar is renamed to `NUMBER-SHA12.tar`: who finds that name in a store knows its
    content. `close` finishes the last one.

    Args:
        folder: Made when the first sample comes.
        limit: Largest size of a tar in bytes.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        self._folder = folder
        self._limit = limit
        self._finished: list[WrittenShard] = []
        self._tar: tarfile.TarFile | None = None
        self._n_total = 0

    def add(self, members: Sequence[Member], *, tokens: int) -> Place:
        """Append one sample; return where it begins.

        Raises:
            SampleTooLarge: It is larger than a whole shard.
        """
        needed = sum(_BLOCK + _padded(len(member.content)) for member in members)
        if _file_bytes(needed) > self._limit:
            raise SampleTooLarge(f"{needed:,} bytes do not fit into a shard of {self._limit:,}")
        if self._tar is not None and _file_bytes(self._tar.offset + needed) > self._limit:
            self._finish()
        tar = self._tar or self._start()
        place = Place(len(self._finished), tar.offset)
        for member in members:
            tar.addfile(
                _header(f"{self._n_total:08d}.{member.suffix}", member.content),
                io.BytesIO(member.content),
            )
        self._n_total += 1
        self._n_samples += 1
        self._tokens += tokens
        return place

    def close(self) -> tuple[WrittenShard, ...]:
        """Finish the last tar and return all."""
        if self._tar is not None:
            self._finish()
        return tuple(self._finished)

    def _start(self) -> tarfile.TarFile:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._path = self._folder / "unfinished.tar"
        self._file = self._path.open("wb")
        self._hashing = _HashingFile(self._file)
        self._n_samples = 0
        self._tokens = 0
        self._tar = tarfile.open(  # noqa: SIM115  it lives until `_finish`
            fileobj=self._hashing, mode="w", format=tarfile.USTAR_FORMAT
        )
        return self._tar

    def _finish(self) -> None:
        assert self._tar is not None  # noqa: S101  callers ask first
        self._tar.close()
        self._file.close()
        self._tar = None
        sha256 = self._hashing.digest.hexdigest()
        path = self._folder / f"{len(self._finished):05d}-{sha256[:12]}.tar"
        self._path.rename(path)
        self._finished.append(
            WrittenShard(
                path=path,
                sha256=sha256,
                n_bytes=self._hashing.n_bytes,
                n_samples=self._n_samples,
                tokens=self._tokens,
            )
        )


def _header(name: str, content: bytes) -> tarfile.TarInfo:
    """Return a header without owner and time: they would differ from pack to pack."""
    info = tarfile.TarInfo(name)
    info.size = len(content)
    info.mode = 0o644
    return info


def _padded(n_bytes: int) -> int:
    return -(-n_bytes // _BLOCK) * _BLOCK


def _file_bytes(payload: int) -> int:
    return -(-(payload + _END) // tarfile.RECORDSIZE) * tarfile.RECORDSIZE
