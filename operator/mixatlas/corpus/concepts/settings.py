"""`concepts` of the corpus document: by which means an image gets its concept."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from mixatlas.contract.canonical import DecimalString, Record
from mixatlas.contract.manifest import AxisValue

Text = Annotated[str, StringConstraints(min_length=1, max_length=400)]
_OF_METHOD = {
    "Column": set[str](),
    "Clusters": {"model", "min_samples", "k", "sample", "seed", "vocabulary"},
    "Prompts": {"model", "min_samples", "prompts", "margin"},
}


def _cosine(text: str) -> str:
    if not 0 <= float(text) < 2:
        raise ValueError("must be at least 0 and under 2")
    return text


class ConceptSettings(Record):
    """How samples with an image get their concept; those without one have `text`.

    `Column`: the source's own, `columns.concept`. `Clusters`: `k` clusters of the embeddings of
    `sample` images, named by words of `vocabulary`. `Prompts`: the nearest of `prompts`, or
    `other` where the next one is nearer than `margin`. `names` turns what the method says into
    the names that are wanted. `model`: a CLIP or SigLIP checkpoint, relative to the document, or
    `s3://…`. A cell of fewer samples than `minSamples` joins the nearest concept of its task.
    """

    method: Literal["Clusters", "Prompts", "Column"]
    names: dict[str, AxisValue] = Field({}, max_length=10_000)
    model: str | None = Field(None, min_length=1, max_length=1024)
    min_samples: int = Field(0, ge=0, le=10**9)
    k: int = Field(10, ge=2, le=128)
    sample: int = Field(100_000, ge=100, le=2_000_000)
    seed: int = Field(0, ge=0, lt=2**32)
    vocabulary: tuple[Text, ...] = Field((), max_length=10_000)
    prompts: dict[AxisValue, tuple[Text, ...]] = Field({}, max_length=128)
    margin: Annotated[DecimalString, AfterValidator(_cosine)] = "0"

    @model_validator(mode="after")
    def _fields_are_of_the_method(self) -> ConceptSettings:
        for field in self.model_fields_set - {"method", "names"} - _OF_METHOD[self.method]:
            methods = " and ".join(m for m, fields in _OF_METHOD.items() if field in fields)
            alias = type(self).model_fields[field].alias
            raise ValueError(f"`{alias}` belongs to {methods}, and the method is {self.method}")
        if self.method != "Column" and self.model is None:
            raise ValueError(f"{self.method} needs `model`: a folder with a CLIP or SigLIP model")
        if self.method == "Prompts" and not (self.prompts and all(self.prompts.values())):
            raise ValueError("Prompts needs `prompts`: at least one text for each concept")
        if "text" in self.prompts:
            raise ValueError("concept `text` is for samples without an image")
        return self
