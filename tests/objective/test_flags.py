"""Doubts about benchmarks."""

from __future__ import annotations

import numpy as np
import pytest

from mixatlas.contract.metrics import Metric
from mixatlas.objective.flags import find_flags
from mixatlas.objective.noise import SeedNoise
from mixatlas.objective.scale import Benchmark

ACCURACY = Benchmark(name="accuracy", metric=Metric.EXACT_MATCH, weight=1.0, chance=0.25)
LOSS = Benchmark(name="loss", metric=Metric.TOKEN_NLL, weight=1.0, chance=2.0)
SPREAD_OUT = np.linspace(-0.1, 0.1, 10)


def names_of(benchmark: Benchmark, y_g: np.ndarray, seed_sd: float) -> list[str]:
    flags = find_flags(
        [benchmark],
        SeedNoise(sd_m=np.array([seed_sd]), degrees_of_freedom=4.0),
        Y_gm=y_g[:, None],
        V_gm=np.full((len(y_g), 1), 1e-4),
        n_g=np.ones(len(y_g), dtype=np.int64),
    )
    return [flag.name for flag in flags]


@pytest.mark.parametrize(
    ("benchmark", "y_g", "seed_sd", "flags"),
    [
        pytest.param(ACCURACY, 0.6 + SPREAD_OUT, 0.02, [], id="clear"),
        pytest.param(LOSS, -1.2 + SPREAD_OUT, 0.02, [], id="clear loss"),
        pytest.param(
            ACCURACY, 0.25 + SPREAD_OUT / 10, 0.02, ["AtChance", "NoisyBenchmark"], id="blind"
        ),
        pytest.param(
            LOSS, -2.0 + SPREAD_OUT / 10, 0.02, ["AtChance", "NoisyBenchmark"], id="blind loss"
        ),
        pytest.param(
            ACCURACY, 0.6 + SPREAD_OUT, 0.2, ["AtChance", "NoisyBenchmark"], id="only noise"
        ),
        pytest.param(ACCURACY, 0.8 + SPREAD_OUT / 10, 0.05, ["NoisyBenchmark"], id="all alike"),
        pytest.param(ACCURACY, np.array([0.25] * 9 + [0.6]), 0.03, [], id="one mixture teaches it"),
    ],
)
def test_flags(benchmark: Benchmark, y_g: np.ndarray, seed_sd: float, flags: list[str]) -> None:
    assert names_of(benchmark, y_g, seed_sd) == flags


def test_a_blind_benchmark_is_flagged_in_95_of_100_designs() -> None:
    rng = np.random.default_rng(0)
    designs = 0.25 + rng.normal(size=(300, 16)) * np.hypot(0.03, 0.01)
    flagged = sum("AtChance" in names_of(ACCURACY, y_g, 0.03) for y_g in designs)
    assert 0.90 <= flagged / 300 <= 0.99


def test_a_flag_says_number_threshold_and_remedy() -> None:
    (flag, *_) = find_flags(
        [ACCURACY],
        SeedNoise(sd_m=np.array([0.02]), degrees_of_freedom=4.0),
        Y_gm=np.full((4, 1), 0.25),
        V_gm=np.zeros((4, 1)),
        n_g=np.ones(4, dtype=np.int64),
    )
    assert flag.benchmark == "accuracy"
    assert flag.value < flag.threshold
    assert "tokens" in flag.remedy
