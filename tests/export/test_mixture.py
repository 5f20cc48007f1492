"""The winner in other programs' forms."""

from __future__ import annotations

import csv
import io
import json

import pytest

from mixatlas.contract.mixture import Mixture
from mixatlas.export.mixture import mixture_csv, mixture_json, sample_weights

MIXTURE = Mixture.of({"a.vqa": 500_000, "b.vqa": 500_000, "c.vqa": 0})
TOKENS = {"a.vqa": 10.0, "b.vqa": 40.0, "c.vqa": 1.0}


def test_sample_weights_give_the_token_shares() -> None:
    weights = sample_weights(MIXTURE, TOKENS)
    assert weights == pytest.approx({"a.vqa": 0.8, "b.vqa": 0.2})
    tokens = {name: w * TOKENS[name] for name, w in weights.items()}
    assert tokens["a.vqa"] == pytest.approx(tokens["b.vqa"])


def test_csv_reads_back_and_states_its_unit() -> None:
    rows = list(csv.DictReader(io.StringIO(mixture_csv(MIXTURE, TOKENS))))
    assert {row["domain"]: int(row["ppm"]) for row in rows} == {"a.vqa": 500_000, "b.vqa": 500_000}
    assert {row["unit"] for row in rows} == {"tokens"}


def test_json_carries_the_digest() -> None:
    plain = json.loads(mixture_json(MIXTURE, TOKENS))
    assert plain["digest"] == MIXTURE.digest
    assert sum(plain["ppm"].values()) == 1_000_000
    assert plain["unit"] == "tokens"
