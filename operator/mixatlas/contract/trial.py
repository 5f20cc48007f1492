"""The trial file: everything a trainer is told, and the digest that identifies it."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Literal

from pydantic import Field, model_validator

from mixatlas.contract.canonical import Record, canonical_json, sha256_hex
from mixatlas.contract.manifest import Part, Sha256
from mixatlas.contract.metrics import Metric
from mixatlas.contract.mixture import PPM
from mixatlas.contract.trainer_config import TrainerConfig


class Purpose(StrEnum):
    """Why a trial exists."""

    BASE = "base"
    INITIAL = "initial"
    BASELINE = "baseline"
    PROPOSED = "proposed"
    REPLICATE = "replicate"
    MANUAL = "manual"
    CONFIRM = "confirm"
    TRANSFER = "transfer"


class DomainWeight(Record):
    """The weight of one manifest cell, in parts per million of manifest tokens."""

    domain: str
    ppm: int = Field(gt=0, le=PPM)


class Cut(Record):
    """`simulateEpochs`: the share of each domain that the trial may see, and its seed."""

    fraction_ppm: int = Field(gt=0, le=PPM)
    seed: int


class CorpusRef(Record):
    """The corpus manifest by URI and content."""

    manifest: str
    sha256: Sha256
    cut: Cut | None = None


class BaseRef(Record):
    """A checkpoint folder to start from; `sha256` is that of its `checkpoint.json`."""

    checkpoint: str
    sha256: Sha256


class BenchmarkRef(Record):
    """A benchmark to be scored on. `max_items` counts each half; None takes all."""

    name: str
    manifest: str
    sha256: Sha256
    metric: Metric
    max_items: int | None = Field(None, ge=30)


class TrialFile(Record):
    """`trials/000017/DIGEST12.json`: written before its trainer starts, never changed.

    `attempts` and `checkpoints` are URI prefixes: a trainer writes under
    `ATTEMPTS/POD_UID/` and `CHECKPOINTS/STEP-POD_UID/`.
    """

    schema_version: Literal[1] = 1
    trial: int = Field(ge=0)
    purpose: Purpose
    mixture: tuple[DomainWeight, ...] = Field(min_length=1)
    seed: int = Field(ge=0, lt=2**53)
    tokens: int = Field(gt=0)
    corpus: CorpusRef
    base: BaseRef | None
    benchmarks: tuple[BenchmarkRef, ...]
    part: Part
    trainer: TrainerConfig
    attempts: str
    checkpoints: str
    keep_checkpoint: bool

    @model_validator(mode="after")
    def _mixture_is_whole(self) -> TrialFile:
        names = [weight.domain for weight in self.mixture]
        if names != sorted(set(names)):
            raise ValueError("mixture must be sorted by domain, each once")
        if sum(weight.ppm for weight in self.mixture) != PPM:
            raise ValueError("mixture must sum to 1,000,000 ppm")
        return self

    @property
    def digest(self) -> str:
        """SHA-256 of what decides the outcome; names, places and numbering are outside."""
        plain = self.to_plain()
        identity: dict[str, Any] = {
            key: plain[key]
            for key in ("schemaVersion", "mixture", "seed", "tokens", "part", "trainer")
        }
        identity["corpus"] = {key: plain["corpus"][key] for key in ("sha256", "cut")}
        identity["base"] = {"sha256": self.base.sha256} if self.base else None
        identity["benchmarks"] = sorted(
            ({k: v for k, v in b.items() if k != "manifest"} for b in plain["benchmarks"]),
            key=lambda benchmark: benchmark["name"],
        )
        return sha256_hex(canonical_json(identity))
