"""The small YAML beside the samples: tokenizer, image tokens, the benchmarks' metrics."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from pydantic import Field, field_validator

from mixatlas.contract.canonical import Record
from mixatlas.contract.errors import NotYetSupported, SpecError
from mixatlas.contract.metrics import Metric
from mixatlas.spec.load import load_record
from mixatlas.spec.model import Name
from mixatlas.spec.places import Document, Mistake
from mixatlas.spec.support import SUPPORTED_METRICS

MAX_SHARD_BYTES = 256_000_000


class BenchmarkConfig(Record):
    """One benchmark among the items. `boxPattern`: a regular expression with four groups."""

    name: Name
    metric: Metric
    box_pattern: str | None = None

    @field_validator("box_pattern")
    @classmethod
    def _has_four_groups(cls, pattern: str | None) -> str | None:
        if pattern is not None:
            try:
                groups = re.compile(pattern).groups
            except re.error as error:
                raise ValueError(f"not a regular expression: {error}") from error
            if groups != 4:
                raise ValueError(f"must have four groups, one a coordinate, not {groups}")
        return pattern


class PackConfig(Record):
    """What is said of the writing of a corpus. `tokenizer` is relative to the file."""

    tokenizer: str = Field(description="Folder with tokenizer.json of the target model.")
    image_tokens: int = Field(ge=0, le=1_000_000, description="Tokens that one image counts as.")
    benchmarks: tuple[BenchmarkConfig, ...] = Field((), max_length=32)
    shard_bytes: int = Field(MAX_SHARD_BYTES, ge=20_480, le=MAX_SHARD_BYTES)
    seed: int = Field(0, ge=0, lt=2**53)

    @field_validator("benchmarks")
    @classmethod
    def _names_differ(cls, benchmarks: tuple[BenchmarkConfig, ...]) -> tuple[BenchmarkConfig, ...]:
        names = [benchmark.name for benchmark in benchmarks]
        if len(set(names)) != len(names):
            raise ValueError("two benchmarks have one name")
        return benchmarks


def load_config(path: Path) -> PackConfig:
    """Read a packing configuration.

    Raises:
        SpecError: The file is missing, or a field is wrong; it has file:line:column.
        NotYetSupported: A metric that our trainer does not score.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise SpecError(f"{path}: {error.strerror}", hint="Give a YAML file.") from error
    document = Document(text, str(path))
    config = load_record(document, PackConfig)
    check_metrics(document, config.benchmarks)
    return config


def check_metrics(document: Document, benchmarks: Sequence[BenchmarkConfig]) -> None:
    """Refuse metrics of `benchmarks` that our trainer does not score.

    Raises:
        NotYetSupported: It lists them, each with its place.
    """
    document.refuse(
        [
            Mistake(
                path=("benchmarks", index, "metric"),
                message=f"{benchmark.metric} is not yet supported",
                remedy=f"use one of: {', '.join(SUPPORTED_METRICS)}",
            )
            for index, benchmark in enumerate(benchmarks)
            if benchmark.metric not in SUPPORTED_METRICS
        ],
        NotYetSupported,
    )
