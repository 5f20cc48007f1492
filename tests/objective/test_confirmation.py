"""Paired gains of the confirmation, against simulation and by hand."""

from __future__ import annotations

import numpy as np
import pytest

from mixatlas.objective.confirmation import Estimate, ItemScores, PairedGain, paired_gains
from mixatlas.objective.scale import Scale

SCALE = Scale(
    names=("one", "two"),
    is_loss_m=np.zeros(2, dtype=bool),
    slopes_m=np.array([0.7, 0.3]),
    offset=0.2,
)
LUCK = {
    "seed": {"seed": 1.0, "image": 0.5, "residual": 0.5},
    "image": {"seed": 0.02, "image": 1.0, "residual": 0.2},
    "residual": {"seed": 0.01, "image": 0.05, "residual": 1.0},
}


def simulated(
    luck: dict[str, float],
    *,
    n: int = 2000,
    arms: int = 4,
    seeds: int = 5,
    images: int = 40,
    per_image: int = 1,
    shared: bool = False,
) -> list[ItemScores]:
    """Return `n` confirmations in which every true gain is 0."""
    rng = np.random.default_rng(11)
    common = rng.normal(size=(n, arms, 1, images))
    scores = []
    for name in SCALE.names:
        image = common if shared else rng.normal(size=(n, arms, 1, images))
        S_asi = (
            luck["seed"] * rng.normal(size=(n, arms, seeds, 1))
            + luck["image"] * np.repeat(image, per_image, axis=-1)
            + luck["residual"] * rng.normal(size=(n, arms, seeds, images * per_image))
        )
        labels = [f"{'' if shared else name}{i}" for i in np.repeat(range(images), per_image)]
        scores.append(ItemScores(name=name, S_asi=S_asi, image_i=labels))
    return scores


def covers(estimate: Estimate) -> np.ndarray:
    return (estimate.lower <= 0) & (estimate.upper >= 0)


@pytest.mark.parametrize("dominant", list(LUCK))
def test_intervals_cover_the_truth(dominant: str) -> None:
    scores = simulated(LUCK[dominant])
    (alone,) = paired_gains(scores, SCALE, candidates=[0], over=3)
    assert 0.93 <= covers(alone.objective).mean() <= 0.97
    for estimate in alone.benchmarks.values():
        assert 0.93 <= covers(estimate).mean() <= 0.97
    together = paired_gains(scores, SCALE, candidates=[0, 1, 2], over=3)
    assert np.all([covers(gain.objective) for gain in together], axis=0).mean() >= 0.94


@pytest.mark.parametrize(
    ("shared", "per_image"),
    [
        pytest.param(True, 1, id="images shared between benchmarks"),
        pytest.param(False, 3, id="several items an image"),
    ],
)
def test_items_on_one_image_count_as_one_cluster(shared: bool, per_image: int) -> None:
    scores = simulated(LUCK["image"], n=1000, shared=shared, per_image=per_image)
    (gain,) = paired_gains(scores, SCALE, candidates=[0], over=3)
    assert 0.93 <= covers(gain.objective).mean() <= 0.97


def test_variance_is_the_contracts_formula() -> None:
    rng = np.random.default_rng(0)
    S_asi = rng.normal(size=(2, 4, 50))
    one = Scale(names=("one",), is_loss_m=np.zeros(1, bool), slopes_m=np.ones(1), offset=0.0)
    scores = [ItemScores(name="one", S_asi=S_asi, image_i=list(range(50)))]
    (gain,) = paired_gains(scores, one, candidates=[0], over=1)
    D_si = S_asi[0] - S_asi[1]
    seed = 2 * S_asi.mean(axis=2).var(axis=1, ddof=1).mean() / 4
    image = D_si.mean(axis=0).var(ddof=1) / 50
    R_si = D_si - D_si.mean(0) - D_si.mean(1)[:, None] + D_si.mean()
    residual = (R_si**2).sum() / (3 * 49) / (4 * 50)
    expected = seed + image - min(residual, image)
    assert gain.objective.mean == pytest.approx(D_si.mean())
    assert gain.objective.standard_error == pytest.approx(np.sqrt(expected))


def test_a_real_gain_is_found_with_its_size_in_both_units() -> None:
    (one, two) = simulated(LUCK["seed"], n=1)
    lifted = one.S_asi[0] * 0.01 + np.array([0.5, 0, 0, 0])[:, None, None]
    scores = [
        ItemScores(name="one", S_asi=lifted, image_i=one.image_i),
        ItemScores(name="two", S_asi=two.S_asi[0] * 0.01, image_i=two.image_i),
    ]
    (gain,) = paired_gains(scores, SCALE, candidates=[0], over=3)
    assert gain.benchmarks["one"].mean == pytest.approx(0.5, abs=0.05)
    assert gain.objective.mean == pytest.approx(0.35, abs=0.05)
    assert gain.objective.lower > 0.3
    assert gain.benchmarks["two"].lower < 0 < gain.benchmarks["two"].upper


def test_more_candidates_make_every_interval_wider() -> None:
    scores = simulated(LUCK["image"], n=1)
    (alone,) = paired_gains(scores, SCALE, candidates=[0], over=3)
    (first, _, _) = paired_gains(scores, SCALE, candidates=[0, 1, 2], over=3)
    assert width(first) > width(alone)


def test_the_arm_compared_with_is_no_candidate_of_itself() -> None:
    gains = paired_gains(simulated(LUCK["seed"], n=1), SCALE, candidates=[0, 3], over=3)
    assert [gain.candidate for gain in gains] == [0]


def test_only_seeds_that_both_arms_completed_are_paired() -> None:
    scores = simulated(LUCK["seed"], n=1)
    holed = []
    for entry in scores:
        S_asi = entry.S_asi[0].copy()
        S_asi[0, 4] = np.nan
        holed.append(ItemScores(name=entry.name, S_asi=S_asi, image_i=entry.image_i))
    (gain,) = paired_gains(holed, SCALE, candidates=[0], over=3)
    expected = (holed[0].S_asi[0, :4] - holed[0].S_asi[3, :4]).mean()
    assert gain.benchmarks["one"].mean == pytest.approx(expected)


def test_an_arm_with_one_complete_seed_is_refused() -> None:
    (one, two) = simulated(LUCK["seed"], n=1)
    S_asi = one.S_asi[0].copy()
    S_asi[0, 1:] = np.nan
    scores = [
        ItemScores(name="one", S_asi=S_asi, image_i=one.image_i),
        ItemScores(name="two", S_asi=two.S_asi[0], image_i=two.image_i),
    ]
    with pytest.raises(ValueError, match="arm 0 has fewer than 2 complete seeds"):
        paired_gains(scores, SCALE, candidates=[0], over=3)


def test_equal_arms_have_a_gain_of_exactly_0() -> None:
    S_asi = np.ones((2, 3, 30))
    scores = [ItemScores(name=name, S_asi=S_asi, image_i=list(range(30))) for name in SCALE.names]
    (gain,) = paired_gains(scores, SCALE, candidates=[0], over=1)
    assert (gain.objective.lower, gain.objective.mean, gain.objective.upper) == (0, 0, 0)


def test_other_benchmarks_than_the_scales_are_refused() -> None:
    with pytest.raises(ValueError, match="item scores are of"):
        paired_gains(simulated(LUCK["seed"], n=1)[:1], SCALE, candidates=[0], over=3)


def width(gain: PairedGain) -> float:
    return float((gain.objective.upper - gain.objective.lower).item())
