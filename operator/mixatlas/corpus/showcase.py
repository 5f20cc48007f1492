"""Which samples and images of a corpus people are shown."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from mixatlas.contract.canonical import sha256_hex
from mixatlas.contract.errors import CorpusInvalid
from mixatlas.contract.manifest import Domain, SampleRecord
from mixatlas.corpus.members import Broken, stream_members
from mixatlas.corpus.nearest import N_NEAREST, NearImage
from mixatlas.corpus.thumbnails import thumbnail
from mixatlas.report.corpus_view import Example, Picture

_N_EXAMPLES = 3
_LOOKED_AT = 4 * N_NEAREST  # samples of a cell; several may be of one image
_LONGEST = 240


class Sample(NamedTuple):
    """A sample of a shard."""

    record: SampleRecord
    images: list[bytes]


def examples_of(folder: Path, domain: Domain) -> tuple[Example, ...]:
    """Return a cell's first samples: shards are shuffled, so they are any.

    Raises:
        CorpusInvalid: A shard is missing or damaged.
    """
    return tuple(map(_example, itertools.islice(_samples(folder, domain), _N_EXAMPLES)))


def nearest_samples(folder: Path, nearest: Iterable[NearImage]) -> list[Sample]:
    """Return a sample of each image, in their order.

    Raises:
        CorpusInvalid: A shard is missing or damaged.
    """
    return [
        sample
        for near in nearest
        for sample in itertools.islice(_samples_from(folder, near.shard, near.offset), 1)
    ]


def some_samples(folder: Path, domains: Iterable[Domain]) -> list[Sample]:
    """Return samples of distinct first images of some domains: those of the smallest SHA-256.

    A bounded number of samples is read of each domain.

    Raises:
        CorpusInvalid: A shard is missing or damaged.
    """
    found: dict[str, Sample] = {}
    for domain in domains:
        for sample in itertools.islice(_samples(folder, domain), _LOOKED_AT):
            if sample.images:
                found.setdefault(sha256_hex(sample.images[0]), sample)
    return [found[sha256] for sha256 in sorted(found)[:N_NEAREST]]


def picture_of(sample: Sample) -> Picture:
    """Return the first image of a sample as the page has it."""
    said = cut(sample.record.turns[0].answer)
    try:
        return Picture(src=thumbnail(sample.images[0]), alt=said)
    except ValueError as error:
        return Picture(src="", alt=str(error))


def captions_of(samples: Iterable[Sample]) -> tuple[str, ...]:
    """Return distinct captions of samples, in their order."""
    return _answers([sample for sample in samples if sample.record.task == "caption"])


def answers_of(samples: Iterable[Sample]) -> tuple[str, ...]:
    """Return distinct answers of samples that are no captions, in their order."""
    return _answers([sample for sample in samples if sample.record.task != "caption"])


def cut(text: str) -> str:
    """Return a text in one line, of at most 240 characters.

    Example:
        >>> cut("more  than   one space")
        'more than one space'
    """
    line = " ".join(text[: 4 * _LONGEST].split())
    whole = len(text) <= 4 * _LONGEST and len(line) <= _LONGEST
    return line if whole else f"{line[: _LONGEST - 1]}…"


def _answers(samples: Sequence[Sample]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(cut(sample.record.turns[0].answer) for sample in samples))


def _example(sample: Sample) -> Example:
    turn = sample.record.turns[0]
    return Example(
        question=cut(turn.question),
        answer=cut(turn.answer),
        n_turns=len(sample.record.turns),
        picture=picture_of(sample) if sample.images else None,
        n_images=len(sample.images),
    )


def _samples(folder: Path, domain: Domain) -> Iterator[Sample]:
    for shard in domain.shards:
        yield from _samples_from(folder, shard.url, 0)


def _samples_from(folder: Path, shard: str, offset: int) -> Iterator[Sample]:
    try:
        with (folder / shard).open("rb") as file:
            file.seek(offset)
            for record, images in stream_members(file, SampleRecord):
                yield Sample(record, images)
    except (Broken, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise CorpusInvalid(
            f"{folder / shard}: {reason}", hint="`mixatlas corpus check` tells what is damaged."
        ) from error
