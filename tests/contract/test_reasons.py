"""Every error has a reason and an exit code, and every reason has words."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import mixatlas
from mixatlas.contract import errors
from mixatlas.contract.reasons import ERRORS, REASONS


def test_every_error_is_in_the_table() -> None:
    classes = {
        value
        for value in vars(errors).values()
        if inspect.isclass(value) and issubclass(value, errors.MixAtlasError)
    }
    assert set(ERRORS) == classes - {errors.MixAtlasError}


def test_every_reason_of_an_error_is_explained() -> None:
    assert {reason for reason, _ in ERRORS.values()} <= set(REASONS)


def test_every_reason_that_a_plan_gives_is_explained() -> None:
    folder = Path(mixatlas.__file__).parent / "plan"
    text = "".join(path.read_text() for path in folder.glob("*.py"))
    named = set(re.findall(r'Reason\(\s*"([A-Z]\w+)"', text))
    assert named
    assert named <= set(REASONS)


def test_every_reason_says_what_to_do() -> None:
    for text in REASONS.values():
        assert text.meaning.endswith(".")
        assert text.remedy
