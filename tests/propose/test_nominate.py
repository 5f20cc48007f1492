"""`nominate`: what is confirmed, and what is expected of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from builders import a_scored_history, a_space, an_objective, true_scores
from mixatlas.contract.mixture import Mixture
from mixatlas.objective.scale import Scale
from mixatlas.propose.nominate import ARM_DISTANCE, nominate
from mixatlas.propose.values import Nomination, ProposeSettings
from mixatlas.space.design import quasi_random
from mixatlas.surrogate.feasibility import MaxDrop

SPACE = a_space()
MIXTURES = (SPACE.natural, SPACE.natural, *quasi_random(SPACE, 14, taken=(), seed=2))
HISTORY = a_scored_history(MIXTURES)
OBJECTIVE = an_objective(HISTORY)
SETTINGS = ProposeSettings(objective=OBJECTIVE, n_starts=2, n_pool=300)
ARMS = {"natural": SPACE.natural, "uniform": SPACE.uniform, "reference": SPACE.natural}
NOMINATION = nominate(SPACE, HISTORY, n=3, arms=ARMS, seed=5, settings=SETTINGS)


def candidates(nomination: Nomination) -> list[Mixture]:
    return [arm.mixture for arm in nomination.arms if arm.roles == ("candidate",)]


def objective_of(mixture: Mixture) -> float:
    scores = true_scores(np.array([mixture.fractions]))
    return float(Scale.of_record(OBJECTIVE).objective(scores)[0])


def test_candidates_come_first_then_each_named_mixture_once() -> None:
    roles = [arm.roles for arm in NOMINATION.arms]
    assert roles == [("candidate",)] * 3 + [("natural", "reference"), ("uniform",)]


def test_the_first_candidate_is_better_than_nearly_all_measured_and_the_others_are_measured() -> (
    None
):
    first, *others = candidates(NOMINATION)
    assert objective_of(first) > sorted(map(objective_of, set(MIXTURES)))[-3]
    assert all(mixture in MIXTURES for mixture in others)


def test_candidates_are_feasible_apart_and_no_baselines() -> None:
    found = candidates(NOMINATION)
    assert all(SPACE.contains(mixture) for mixture in found)
    assert not set(found) & set(ARMS.values())
    for i, mixture in enumerate(found):
        assert all(mixture.distance(other) >= ARM_DISTANCE for other in found[:i])


def test_predictions_hold_the_truth_of_most_arms() -> None:
    held = [
        arm.objective.lower <= objective_of(arm.mixture) <= arm.objective.upper
        for arm in NOMINATION.arms
        if arm.objective is not None
    ]
    assert sum(held) >= 4
    for arm in NOMINATION.arms:
        assert set(arm.benchmarks) == {"answers", "loss"}
        assert arm.benchmarks["loss"].upper <= 0


def test_probabilities_of_being_best_sum_to_1() -> None:
    chances = [arm.probability_best or 0.0 for arm in NOMINATION.arms]
    assert sum(chances) == pytest.approx(1.0)
    assert max(chances[:3]) > chances[3]


def test_equal_arguments_give_equal_nominations() -> None:
    again = nominate(SPACE, HISTORY, n=3, arms=ARMS, seed=5, settings=SETTINGS)
    assert again == NOMINATION


def test_the_near_optimal_set_is_measured_with_the_posterior_of_the_nomination() -> None:
    near = NOMINATION.near
    assert near is not None
    assert near.eligible == len(set(MIXTURES))
    assert near.tried < near.eligible
    assert 0 < near.share < near.reach < 1


def test_what_breaks_a_constraint_is_no_candidate() -> None:
    keep = MaxDrop(benchmark="loss", max_drop=0.0, relative_to=MIXTURES[2])
    settings = replace(SETTINGS, constraints=(keep,))
    found = candidates(nominate(SPACE, HISTORY, n=3, arms=ARMS, seed=5, settings=settings))
    bound = true_scores(np.array([MIXTURES[2].fractions]))[0, 1]
    kept = [true_scores(np.array([m.fractions]))[0, 1] for m in found]
    assert min(kept) > bound - 0.1


def test_without_a_fit_the_best_measured_mixtures_are_nominated() -> None:
    broken = OBJECTIVE.model_copy(update={"seed_sd": {"answers": float("nan"), "loss": 0.01}})
    nomination = nominate(
        SPACE, HISTORY, n=2, arms=ARMS, seed=5, settings=replace(SETTINGS, objective=broken)
    )
    assert nomination.basis == "fallback"
    measured = Scale.of_record(OBJECTIVE).objective(HISTORY.Y_nm)
    assert candidates(nomination)[0] == MIXTURES[int(measured.argmax())]
    assert all(arm.objective is None for arm in nomination.arms)
    assert nomination.near is None


def test_the_objective_must_be_fixed() -> None:
    with pytest.raises(ValueError, match="fixed objective"):
        nominate(SPACE, HISTORY, n=1, arms={}, seed=1)
