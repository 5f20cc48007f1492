"""The trial file and its digest: what is inside, what is outside."""

from __future__ import annotations

from typing import Any

import pytest

from mixatlas.contract.metrics import Metric
from mixatlas.contract.trainer_config import TrainerConfig
from mixatlas.contract.trial import (
    BaseRef,
    BenchmarkRef,
    CorpusRef,
    Cut,
    DomainWeight,
    Purpose,
    TrialFile,
)

FIELDS: dict[str, Any] = {
    "trial": 17,
    "purpose": Purpose.PROPOSED,
    "mixture": (
        DomainWeight(domain="a.vqa", ppm=400_000),
        DomainWeight(domain="b.vqa", ppm=600_000),
    ),
    "seed": 7,
    "tokens": 1000,
    "corpus": CorpusRef(manifest="s3://c/manifest.json", sha256="1" * 64),
    "base": BaseRef(checkpoint="s3://b", sha256="2" * 64),
    "benchmarks": (
        BenchmarkRef(
            name="x", manifest="s3://x", sha256="3" * 64, metric=Metric.ANLS, max_items=50
        ),
        BenchmarkRef(name="y", manifest="s3://y", sha256="4" * 64, metric=Metric.TOKEN_NLL),
    ),
    "part": "search",
    "trainer": TrainerConfig(),
    "attempts": "s3://l/attempts",
    "checkpoints": "s3://l/checkpoints",
    "keep_checkpoint": False,
}
TRIAL = TrialFile(**FIELDS)
SWAPPED = (DomainWeight(domain="a.vqa", ppm=600_000), DomainWeight(domain="b.vqa", ppm=400_000))
INSIDE = {
    "mixture": SWAPPED,
    "seed": 8,
    "tokens": 1001,
    "corpus": CorpusRef(manifest="s3://c/manifest.json", sha256="9" * 64),
    "base": None,
    "benchmarks": FIELDS["benchmarks"][:1],
    "part": "confirm",
    "trainer": TrainerConfig(learning_rate="0.1"),
}
OUTSIDE = {
    "trial": 18,
    "purpose": Purpose.REPLICATE,
    "corpus": CorpusRef(manifest="s3://elsewhere/manifest.json", sha256="1" * 64),
    "base": BaseRef(checkpoint="s3://elsewhere", sha256="2" * 64),
    "benchmarks": tuple(reversed(FIELDS["benchmarks"])),
    "attempts": "s3://m",
    "checkpoints": "s3://m",
    "keep_checkpoint": True,
}


@pytest.mark.parametrize("field", INSIDE)
def test_what_decides_the_outcome_is_in_the_digest(field: str) -> None:
    assert TrialFile(**FIELDS | {field: INSIDE[field]}).digest != TRIAL.digest


def test_a_cut_is_in_the_digest() -> None:
    cut = CorpusRef(
        manifest="s3://c/manifest.json", sha256="1" * 64, cut=Cut(fraction_ppm=1000, seed=1)
    )
    assert TrialFile(**FIELDS | {"corpus": cut}).digest != TRIAL.digest


@pytest.mark.parametrize("field", OUTSIDE)
def test_names_places_and_numbering_are_not(field: str) -> None:
    assert TrialFile(**FIELDS | {field: OUTSIDE[field]}).digest == TRIAL.digest


def test_the_digest_never_changes_between_versions() -> None:
    assert TRIAL.digest == "e9c194f78aa38d1fde6f45d79a02c1621f6cd958c67eeb4f9c5484ed25ab476c"


def test_it_survives_storage() -> None:
    again = TrialFile.model_validate_json(TRIAL.to_bytes())
    assert again == TRIAL
    assert again.digest == TRIAL.digest


def test_a_mixture_that_is_not_whole_is_refused() -> None:
    with pytest.raises(ValueError, match="sum to 1,000,000"):
        TrialFile(**FIELDS | {"mixture": (DomainWeight(domain="a.vqa", ppm=1),)})
