"""Settings of our own trainer: `spec.proxy.trainer`."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Literal

from pydantic import Field, field_validator

from mixatlas.contract.canonical import DecimalString, Record


class Precision(StrEnum):
    """Arithmetic of the model: Auto is bfloat16 on a GPU and float32 on a CPU."""

    AUTO = "Auto"
    FLOAT32 = "Float32"
    BFLOAT16 = "BFloat16"


class ModelConfig(Record):
    """A model to build from nothing: a Hugging Face `LlavaConfig` as plain data."""

    config: dict[str, Any] = Field(
        description="A `LlavaConfig` as plain data, with `text_config` and `vision_config`."
    )


class TrainerConfig(Record):
    """How a proxy is trained. Everything has a default; fractions are quoted decimals."""

    model: ModelConfig | None = Field(
        None, description="Architecture of a base trained here. Left out: the checkpoint's."
    )
    tokenizer: str | None = Field(
        None, description="Folder or s3:// URI of a tokenizer. Left out: the manifest's."
    )
    sequence_length: int = Field(
        2048, ge=8, le=1_000_000, description="Longest sample in tokens; longer ones are cut."
    )
    global_batch_tokens: int = Field(65_536, ge=1, description="Manifest tokens an optimiser step.")
    micro_batch: int = Field(8, ge=1, le=4096, description="Samples a forward pass.")
    learning_rate: DecimalString = Field("0.00002", description="Peak learning rate.")
    schedule: Literal["Cosine", "Constant"] = Field(
        "Cosine", description="Decay after warm-up: Cosine to 5 % of the peak, or none."
    )
    warmup: DecimalString = Field(
        "0.03", description="Share of the tokens spent in warm-up, 0 to 1."
    )
    weight_decay: DecimalString = Field("0", description="AdamW's decoupled weight decay.")
    gradient_clip: DecimalString = Field("1", description="Largest global gradient norm; 0: none.")
    trainable: tuple[Literal["projector", "language", "vision"], ...] = Field(
        ("projector", "language"), min_length=1, description="Parts of the model that learn."
    )
    precision: Precision = Field(Precision.AUTO, description="Auto, Float32 or BFloat16.")
    checkpoint_every_tokens: int | None = Field(
        None, ge=1, description="Tokens between checkpoints. Left out: a tenth of the budget."
    )

    @field_validator("warmup")
    @classmethod
    def _is_share(cls, value: str) -> str:
        if not 0 <= float(value) <= 1:
            raise ValueError('must lie between "0" and "1"')
        return value

    @field_validator("learning_rate", "weight_decay", "gradient_clip")
    @classmethod
    def _is_not_negative(cls, value: str) -> str:
        if float(value) < 0:
            raise ValueError("must not be negative")
        return value
