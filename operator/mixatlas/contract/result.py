"""What a trainer hands back: result, progress, checkpoint and items."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from mixatlas.contract.canonical import Record
from mixatlas.contract.manifest import Sha256
from mixatlas.contract.metrics import Metric

ITEMS_HEADER = ("benchmark", "item", "image", "score")
"""Columns of `items.csv`; `image` is the hash that placed the item, `score` in own direction."""

TERMINATION_MESSAGE_BYTES = 4096


class Score(Record):
    """One benchmark's score. `sem` is clustered by image; `n` counts items."""

    metric: Metric
    value: float = Field(allow_inf_nan=False)
    sem: float = Field(ge=0, allow_inf_nan=False)
    n: int = Field(gt=0)
    chance: float = Field(allow_inf_nan=False)


class DomainUse(Record):
    """What a trial really trained on, a domain. `loss` is in nats a supervised token."""

    tokens: int = Field(ge=0)
    supervised_tokens: int = Field(ge=0)
    samples: int = Field(ge=0)
    epochs: float = Field(ge=0, allow_inf_nan=False)
    loss: float | None = Field(allow_inf_nan=False)


class StoredObject(Record):
    """An object by URI and content."""

    uri: str
    sha256: Sha256


class TrialResult(Record):
    """`result.json`, the last object a trainer writes."""

    schema_version: Literal[1] = 1
    trial_digest: Sha256
    attempt: int = Field(ge=1)
    outcome: Literal["ok", "diverged"]
    benchmarks: dict[str, Score] = Field(default_factory=dict)
    train_loss: float | None = Field(None, allow_inf_nan=False)
    domains: dict[str, DomainUse] = Field(default_factory=dict)
    seconds: float = Field(ge=0)
    gpu_seconds: float = Field(ge=0)
    flops: float = Field(ge=0)
    peak_memory: int = Field(ge=0, description="Bytes: resident on a CPU, allocated on a GPU.")
    checkpoint: StoredObject | None = None
    items: StoredObject | None = None
    pod_uid: str
    reason: str = ""
    versions: dict[str, str] = Field(default_factory=dict)


class Progress(Record):
    """`progress.json`, overwritten while a trial runs."""

    schema_version: Literal[1] = 1
    trial_digest: Sha256
    phase: Literal["loading", "training", "evaluating", "storing"]
    step: int = Field(ge=0)
    tokens: int = Field(ge=0)
    total_tokens: int = Field(gt=0)
    tokens_per_second: float = Field(ge=0)
    loss: float | None = None
    seconds: float = Field(ge=0)


class CheckpointFile(Record):
    """One file of a checkpoint, relative to its folder."""

    path: str
    bytes: int = Field(ge=0)
    sha256: Sha256


class Checkpoint(Record):
    """`checkpoint.json`, written last: a checkpoint without it does not exist."""

    schema_version: Literal[1] = 1
    trial_digest: Sha256
    step: int = Field(ge=0)
    tokens: int = Field(ge=0)
    files: tuple[CheckpointFile, ...]
