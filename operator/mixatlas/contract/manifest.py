"""Corpus and benchmark manifests, and the records inside their shards."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Literal, get_args

from pydantic import Field, StringConstraints, model_validator

from mixatlas.contract.canonical import Record, canonical_json, sha256_hex
from mixatlas.contract.metrics import Metric

_PART = r"[a-z0-9](?:[a-z0-9-]{0,28}[a-z0-9])?"
DOMAIN_PATTERN = re.compile(rf"{_PART}(?:\.{_PART})?")
Task = Literal["caption", "ocr", "grounding", "detection", "vqa", "classification", "other"]
TASKS: tuple[Task, ...] = get_args(Task)

AXIS_PATTERN = rf"^{_PART}$"
AxisValue = Annotated[str, StringConstraints(pattern=AXIS_PATTERN)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Part = Literal["search", "confirm", "none"]


class Shard(Record):
    """One WebDataset tar of samples. `url` is relative to the manifest, or `s3://`."""

    url: str
    sha256: Sha256
    bytes: int = Field(gt=0)
    samples: int = Field(gt=0)
    tokens: int = Field(gt=0)


class Domain(Record):
    """One cell of the grid. `definition` says what belongs in it, `content` what does."""

    name: str
    definition: Sha256
    content: Sha256
    concept: AxisValue
    task: Task
    samples: int = Field(gt=0)
    tokens: int = Field(gt=0)
    supervised_tokens: int = Field(gt=0)
    shards: tuple[Shard, ...] = Field(min_length=1)


class TokenizerRef(Record):
    """A tokenizer folder beside the manifest; `sha256` is that of its canonical file list."""

    url: str
    sha256: Sha256


class Embedding(Record):
    """What the concepts were made with."""

    model: str
    revision: str
    centroids: str


class BenchmarkEntry(Record):
    """A benchmark that the corpus manifest carries. `manifest` is relative, or `s3://`."""

    name: str
    manifest: str
    sha256: Sha256


class CorpusManifest(Record):
    """`manifest.json` of a corpus: domains, tokenizer, benchmarks. Equal inputs, equal bytes."""

    schema_version: Literal[1] = 1
    domains: tuple[Domain, ...] = Field(min_length=1, max_length=128)
    tokenizer: TokenizerRef
    image_tokens: int = Field(ge=0)
    embedding: Embedding | None = None
    benchmarks: tuple[BenchmarkEntry, ...] = ()

    @property
    def tokens_a_sample(self) -> dict[str, float]:
        """Mean manifest tokens of a sample of each domain."""
        return {domain.name: domain.tokens / domain.samples for domain in self.domains}

    @model_validator(mode="after")
    def _names_are_cells(self) -> CorpusManifest:
        names = [domain.name for domain in self.domains]
        if names != sorted(set(names)):
            raise ValueError("domains must be unique and sorted by name")
        for domain in self.domains:
            if domain.name != f"{domain.concept}.{domain.task}":
                raise ValueError(f"domain {domain.name!r} must be named CONCEPT.TASK")
        return self


class ItemShard(Record):
    """One tar of benchmark items."""

    url: str
    sha256: Sha256
    items: int = Field(gt=0)


class BenchmarkManifest(Record):
    """`manifest.json` of a benchmark. `chance`: the level that sees no image and no question."""

    schema_version: Literal[1] = 1
    name: str
    metric: Metric
    chance: float
    items: int = Field(gt=0)
    box_pattern: str | None = None
    shards: tuple[ItemShard, ...] = Field(min_length=1)


class Turn(Record):
    """One question with its answer. Only the answer is supervised."""

    question: str
    answer: str = Field(min_length=1)


class SampleRecord(Record):
    """`KEY.json` of a corpus sample. `tokens` counts text and images, padding not."""

    turns: tuple[Turn, ...] = Field(min_length=1)
    images: tuple[str, ...] = ()
    task: str
    concept: str
    source: str = ""
    tokens: int = Field(gt=0)
    supervised_tokens: int = Field(gt=0)


class ItemRecord(Record):
    """`KEY.json` of a benchmark item. Boxes are [x0, y0, x1, y1] in 0 to 1."""

    id: str
    question: str
    answers: tuple[str, ...] = ()
    boxes: tuple[tuple[float, float, float, float], ...] = ()
    choices: tuple[str, ...] = ()
    images: tuple[str, ...] = ()


def item_hash(item: ItemRecord, image: bytes | None) -> str:
    """Return the SHA-256 that places an item: of its image's bytes, else of its id."""
    return sha256_hex(image if image is not None else item.id.encode())


def half_of(hash_hex: str) -> Part:
    """Return the half of an item by the lowest bit of its hash's first byte.

    The hash alone decides, whatever the benchmark, so no image is in both halves.
    """
    return "search" if int(hash_hex[:2], 16) % 2 == 0 else "confirm"


def file_list_digest(files: Mapping[str, str]) -> str:
    """Return the digest of a folder from `{relative path: sha256 of the file}`."""
    return sha256_hex(canonical_json([{"path": p, "sha256": files[p]} for p in sorted(files)]))
