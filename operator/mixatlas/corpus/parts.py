"""The read stage: each part of a source becomes one tar of checked samples, and is then done.

Parts are WebDataset tars: `KEY.json` with turns and the labels of the source, then the images of
the sample.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, final

from pydantic import ValidationError

from mixatlas.contract.canonical import Record, sha256_hex
from mixatlas.contract.errors import CorpusInvalid
from mixatlas.contract.manifest import Turn
from mixatlas.corpus.images import suffix_of_image
from mixatlas.corpus.raw import BrokenSample, RawSample, Reader, Unit
from mixatlas.corpus.stage import StageMarker, Workspace, run_stage
from mixatlas.corpus.tally import Tally


class PartRecord(Record):
    """`KEY.json` of a part: a RawSample, whose images follow it as members `KEY.IMAGE`."""

    where: str
    turns: tuple[Turn, ...]
    images: tuple[str, ...]
    hashes: tuple[str, ...]
    origin: str
    concept: str | None
    task: str | None


class PartMarker(StageMarker):
    """`PART.tar.json`: what a finished part holds."""

    samples: int
    broken: int
    broken_samples: tuple[BrokenSample, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSample:
    """A sample of a part, with references of its images for `PartPictures`."""

    record: PartRecord
    references: tuple[str, ...]


def read_part(
    reader: Reader,
    units: Sequence[Unit],
    n_parts: int,
    *,
    work: Workspace,
    name: str,
    fingerprint: str,
) -> PartMarker:
    """Read the units of one part into a tar, unless that has been done.

    Args:
        reader: Of the source.
        units: Those of this part, in order.
        n_parts: How many parts the source has.
        work: Where the tar belongs.
        name: Of the part.
        fingerprint: Changes whenever the part's input does.

    Returns:
        The part's marker.

    Raises:
        CorpusInvalid: A file is not of the source's format.
    """

    def write(file: BinaryIO) -> PartMarker:
        tally = Tally()
        with tarfile.open(fileobj=file, mode="w") as tar:
            for unit in units:
                for sample in reader.read(unit, n_parts):
                    if isinstance(sample, RawSample):
                        add_sample(tar, f"{tally.used:09d}", sample)
                        tally.used += 1
                    else:
                        tally.leave_out(sample)
        return PartMarker(
            input=fingerprint,
            samples=tally.used,
            broken=tally.broken,
            broken_samples=tuple(tally.named),
        )

    return run_stage(work, tar_of(name), PartMarker, fingerprint, write)


def tar_of(name: str) -> str:
    """Return the name of a part's file."""
    return f"{name}.tar"


def stored_samples(path: Path) -> Iterator[StoredSample]:
    """Yield the samples of a finished part in its order; images are passed over.

    Raises:
        CorpusInvalid: The part is damaged.
    """
    try:
        with tarfile.open(path, mode="r:") as tar:
            while info := tar.next():
                record = PartRecord.model_validate_json(_content(tar, info))
                images = [_next(tar) for _ in record.images]
                tar.members.clear()  # type: ignore[attr-defined]  # else it keeps them all
                yield StoredSample(
                    record=record,
                    references=tuple(
                        f"{path.name}:{image.offset_data}:{image.size}" for image in images
                    ),
                )
    except (tarfile.TarError, ValidationError, OSError) as error:
        raise CorpusInvalid(f"{path}: {error}", hint="Remove it and build again.") from error


@final
class PartPictures:
    """Images inside parts; a reference is `PART:OFFSET:BYTES`.

    Args:
        folder: Where the parts lie.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, reference: str) -> bytes:
        """As `Pictures.read`."""
        name, offset, size = reference.rsplit(":", 2)
        with (self._folder / name).open("rb") as file:
            file.seek(int(offset))
            return file.read(int(size))


def add_sample(tar: tarfile.TarFile, key: str, sample: RawSample) -> None:
    """Write a sample into a part as `KEY.json` and its images."""
    contents = [image.content for image in sample.images]
    names = tuple(f"{i}.{suffix_of_image(content)}" for i, content in enumerate(contents))
    record = PartRecord(
        where=sample.where,
        turns=sample.turns,
        images=names,
        hashes=tuple(sha256_hex(content) for content in contents),
        origin=sample.origin,
        concept=sample.concept,
        task=sample.task,
    )
    _member(tar, f"{key}.json", record.to_bytes())
    for name, content in zip(names, contents, strict=True):
        _member(tar, f"{key}.{name}", content)
    tar.members.clear()  # type: ignore[attr-defined]  # else it keeps them all


def _member(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)  # no owner, no time: equal samples give equal bytes
    info.size = len(content)
    tar.addfile(info, io.BytesIO(content))


def _next(tar: tarfile.TarFile) -> tarfile.TarInfo:
    info = tar.next()
    if info is None:
        raise tarfile.ReadError("ends in the middle of a sample")
    return info


def _content(tar: tarfile.TarFile, info: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(info)
    return file.read() if file else b""
