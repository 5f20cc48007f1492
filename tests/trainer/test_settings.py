from __future__ import annotations

from pathlib import Path

import pytest

from mixatlas.contract.errors import ContractViolation
from mixatlas_trainer.settings import Settings

ENVIRON = {
    "MIXATLAS_TRIAL": "s3://b/t.json",
    "MIXATLAS_TRIAL_DIGEST": "0" * 64,
    "MIXATLAS_POD_UID": "p",
}


def test_defaults() -> None:
    settings = Settings.read(ENVIRON)

    assert (settings.attempt, settings.micro_batch_divisor, settings.threads) == (1, 1, None)
    assert settings.cache is None
    assert settings.cache_bytes == 50 << 30
    assert settings.termination_log == Path("/dev/termination-log")


@pytest.mark.parametrize("name", sorted(ENVIRON))
def test_what_identifies_the_attempt_must_be_there(name: str) -> None:
    with pytest.raises(ContractViolation, match=f"{name} is not set"):
        Settings.read(ENVIRON | {name: ""})


@pytest.mark.parametrize(
    "name",
    [
        "MIXATLAS_ATTEMPT",
        "MIXATLAS_MICRO_BATCH_DIVISOR",
        "MIXATLAS_CACHE_GIB",
        "OMP_NUM_THREADS",
    ],
)
@pytest.mark.parametrize("value", ["0", "-1", "two"])
def test_counts_are_whole_and_positive(name: str, value: str) -> None:
    with pytest.raises(ContractViolation, match=f"{name} is '{value}'"):
        Settings.read(ENVIRON | {name: value})
