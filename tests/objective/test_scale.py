"""Scores → objective: direction turned once, 0 is blind, 1 is perfect."""

from __future__ import annotations

import numpy as np
import pytest

from mixatlas.contract.metrics import Metric
from mixatlas.ledger.records import ObjectiveRecord
from mixatlas.objective.scale import Benchmark, Scale

LOSS = Benchmark(name="loss", metric=Metric.TOKEN_NLL, weight=1.0, chance=2.0)
SHARE = Benchmark(name="share", metric=Metric.EXACT_MATCH, weight=3.0, chance=0.2)


@pytest.mark.parametrize(
    ("loss", "share", "objective"),
    [
        pytest.param(2.0, 0.2, 0.0, id="blind"),
        pytest.param(0.0, 1.0, 1.0, id="perfect"),
        pytest.param(1.0, 0.2, 0.125, id="loss counts a quarter"),
        pytest.param(2.0, 0.6, 0.375, id="share counts three quarters"),
        pytest.param(3.0, 0.2, -0.125, id="worse than blind"),
    ],
)
def test_normalized_puts_blind_at_0_and_perfect_at_1(
    loss: float, share: float, objective: float
) -> None:
    scale = Scale.normalized([LOSS, SHARE])
    assert scale.objective(np.array([-loss, share])) == pytest.approx(objective)


def test_raw_is_the_weighted_mean_with_losses_negated() -> None:
    scale = Scale.raw([LOSS, SHARE])
    assert scale.objective(np.array([-1.0, 0.6])) == pytest.approx((-1.0 + 3 * 0.6) / 4)


def test_a_score_that_counts_and_is_missing_leaves_the_objective_unknown() -> None:
    assert np.isnan(Scale.raw([LOSS, SHARE]).objective(np.array([np.nan, 0.5])))


def test_a_watched_benchmark_of_weight_0_may_be_missing() -> None:
    watched = Benchmark(name="watched", metric=Metric.ANLS, weight=0.0, chance=0.1)
    value = Scale.normalized([SHARE, watched]).objective(np.array([1.0, np.nan]))
    assert value == pytest.approx(1.0)


def test_the_record_gives_back_the_scale_that_it_fixed() -> None:
    record = ObjectiveRecord(
        scale="Normalized",
        reference="natural",
        metrics={"loss": Metric.TOKEN_NLL, "share": Metric.EXACT_MATCH},
        weights={"loss": 1.0, "share": 3.0},
        chance={"loss": 2.0, "share": 0.2},
        means={"loss": 1.0, "share": 0.5},
        seed_sd={"loss": 0.1, "share": 0.1},
        degrees_of_freedom=3,
    )
    Y_nm = np.array([[-1.2, 0.4], [-0.3, 0.9]])
    expected = Scale.normalized([LOSS, SHARE]).objective(Y_nm)
    np.testing.assert_allclose(Scale.of_record(record).objective(Y_nm), expected)


@pytest.mark.parametrize("weights", [(0.0, 0.0), (-1.0, 2.0), (float("nan"), 1.0)])
def test_bad_weights_are_refused(weights: tuple[float, float]) -> None:
    benchmarks = [
        Benchmark(name=str(i), metric=Metric.ANLS, weight=weight, chance=0.0)
        for i, weight in enumerate(weights)
    ]
    with pytest.raises(ValueError, match="weights"):
        Scale.raw(benchmarks)


def test_a_benchmark_without_room_above_chance_is_refused_by_name() -> None:
    full = Benchmark(name="full", metric=Metric.EXACT_MATCH, weight=1.0, chance=1.0)
    with pytest.raises(ValueError, match="full"):
        Scale.normalized([SHARE, full])
