"""The embed stage: the distinct first images of each part, as unit vectors beside the part.

Rows of `PART.vectors` are the image's SHA-256 and its vector in float16.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset

from mixatlas.contract.canonical import canonical_json, sha256_hex
from mixatlas.contract.errors import CorpusInvalid
from mixatlas.corpus.concepts.encoder import CannotDecode, Encoder, ImageInput
from mixatlas.corpus.parts import PartPictures, stored_samples, tar_of
from mixatlas.corpus.pictures import Pictures
from mixatlas.corpus.stage import StageMarker, Workspace, read_marker, run_stage

BATCH = 64
_FORM = 1
"""Of the files; another one has every part embedded anew."""


class EmbeddingMarker(StageMarker):
    """`PART.vectors.json`: what the vectors of a part are.

    `broken`: images that cannot be decoded, by SHA-256, with the reason; they have no row.
    """

    images: int
    dimensions: int
    broken: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Decoded:
    """A batch; `pixels` is of shape (images that could be decoded, 3, height, width)."""

    hashes: list[str]
    pixels: torch.Tensor
    broken: dict[str, str]


def embed_part(
    work: Workspace,
    part: str,
    fingerprint: str,
    encoder: Encoder,
    *,
    on_images: Callable[[int], None] = lambda _: None,
) -> EmbeddingMarker:
    """Embed the first image of every sample of a part, equal images once, unless that is done.

    Args:
        work: Where the part lies.
        part: Name of a finished part.
        fingerprint: Changes whenever the part does.
        encoder: Of the checkpoint.
        on_images: Called with the number of images of a batch, after each.

    Returns:
        The marker of the part's vectors.

    Raises:
        CorpusInvalid: The part is damaged.
    """
    made_of = sha256_hex(canonical_json([_FORM, fingerprint, encoder.revision]))

    def write(file: BinaryIO) -> EmbeddingMarker:
        n_images = dimensions = 0
        broken: dict[str, str] = {}
        for batch in _decoded(work.path(tar_of(part)), encoder.image_input):
            broken |= batch.broken
            if batch.hashes:
                V_nd = encoder.encode_images(batch.pixels)
                dimensions = V_nd.shape[1]
                file.write(_rows(batch.hashes, V_nd).tobytes())
            n_images += len(batch.hashes)
            on_images(len(batch.hashes))
        return EmbeddingMarker(input=made_of, images=n_images, dimensions=dimensions, broken=broken)

    return run_stage(work, _file_of(part), EmbeddingMarker, made_of, write)


def _file_of(part: str) -> str:
    return f"{part}.vectors"


def embedding_of(work: Workspace, part: str) -> EmbeddingMarker:
    """Return the marker of a part that was embedded.

    Raises:
        CorpusInvalid: It was not.
    """
    if marker := read_marker(work, _file_of(part), EmbeddingMarker):
        return marker
    raise CorpusInvalid(f"the images of part {part} are not embedded", hint="Run stage embed.")


def embed_files(paths: Sequence[Path], encoder: Encoder) -> NDArray[np.float32]:
    """Embed image files.

    Returns:
        Unit vectors, of shape (n, d).

    Raises:
        CorpusInvalid: One cannot be decoded.
    """
    found = []
    for begin in range(0, len(paths), BATCH):
        pixels = []
        for path in paths[begin : begin + BATCH]:
            try:
                pixels.append(encoder.image_input.decode(path.read_bytes()))
            except (CannotDecode, OSError) as error:
                raise CorpusInvalid(f"{path}: {error}") from error
        found.append(encoder.encode_images(torch.stack(pixels)))
    return np.concatenate(found)


def read_vectors(work: Workspace, part: str) -> NDArray[np.void]:
    """Return the rows of a part as `sha256` and `vector`; they stay on disk until they are used.

    Raises:
        CorpusInvalid: The part's images are not embedded.
    """
    marker = embedding_of(work, part)
    if not marker.images:
        return np.empty(0, _row(marker.dimensions))
    return np.memmap(work.path(_file_of(part)), _row(marker.dimensions), mode="r")


def _row(dimensions: int) -> np.dtype[np.void]:
    return np.dtype([("sha256", "V32"), ("vector", "<f2", (dimensions,))])


def _rows(hashes: Sequence[str], V_nd: NDArray[np.float32]) -> NDArray[np.void]:
    rows = np.empty(len(hashes), _row(V_nd.shape[1]))
    rows["sha256"] = [bytes.fromhex(sha256) for sha256 in hashes]
    rows["vector"] = V_nd
    return rows


def _decoded(tar: Path, image_input: ImageInput) -> Iterator[_Decoded]:
    """Yield the distinct first images of a part in batches, decoded in other processes."""
    return iter(
        DataLoader(
            _Images(PartPictures(tar.parent), image_input),
            batch_sampler=_batches(tar),
            collate_fn=_collated,
            num_workers=_n_workers(),
        )
    )


def _n_workers() -> int:
    """Return how many processes decode: on a CPU, the model needs the cores more."""
    return min(16, os.cpu_count() or 1) if torch.cuda.is_available() else 1


def _batches(tar: Path) -> Iterator[list[tuple[str, str]]]:
    """Yield (SHA-256, reference) of images that were not yet seen, `BATCH` at a time."""
    seen: set[bytes] = set()
    batch = []
    for sample in stored_samples(tar):
        if not sample.references:
            continue
        sha256 = sample.record.hashes[0]
        key = bytes.fromhex(sha256)
        if key not in seen:
            seen.add(key)
            batch.append((sha256, sample.references[0]))
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


class _Images(Dataset[tuple[str, "torch.Tensor | str"]]):
    """Images by reference; what cannot be decoded gives the reason instead of pixels."""

    def __init__(self, pictures: Pictures, image_input: ImageInput) -> None:
        self._pictures = pictures
        self._image_input = image_input

    def __getitem__(self, place: tuple[str, str]) -> tuple[str, torch.Tensor | str]:
        sha256, reference = place
        try:
            return sha256, self._image_input.decode(self._pictures.read(reference))
        except CannotDecode as error:
            return sha256, str(error)


def _collated(items: list[tuple[str, torch.Tensor | str]]) -> _Decoded:
    whole = [(sha256, found) for sha256, found in items if isinstance(found, torch.Tensor)]
    return _Decoded(
        hashes=[sha256 for sha256, _ in whole],
        pixels=torch.stack([pixels for _, pixels in whole]) if whole else torch.empty(0),
        broken={sha256: found for sha256, found in items if isinstance(found, str)},
    )
