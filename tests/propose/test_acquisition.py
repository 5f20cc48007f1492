"""What a mixture is worth trying for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from builders import a_scored_history, a_space, an_objective
from mixatlas.propose.acquisition import (
    REACH,
    UpperConfidenceBound,
    beta_of,
    expected_improvement,
    reach_of,
)
from mixatlas.space.design import quasi_random
from mixatlas.space.sampling import sample_uniform
from mixatlas.surrogate.feasibility import MaxDrop
from mixatlas.surrogate.learning import learn
from mixatlas.surrogate.posterior import Draws

SPACE = a_space()
MIXTURES = (SPACE.natural, SPACE.natural, *quasi_random(SPACE, 8, taken=(), seed=2))
HISTORY = a_scored_history(MIXTURES)
POSTERIOR = learn(HISTORY, an_objective(HISTORY)).posterior
UNSEEN = sample_uniform(SPACE, 20, 3)


def test_beta_trades_mean_for_uncertainty() -> None:
    low, high = (
        UpperConfidenceBound(posterior=POSTERIOR, beta=b, floor=0.0, reach=1.0) for b in (0.0, 4.0)
    )
    np.testing.assert_allclose(low(UNSEEN), POSTERIOR.optimistic(UNSEEN, 0.0)[0])
    np.testing.assert_allclose(high(UNSEEN), POSTERIOR.optimistic(UNSEEN, 2.0)[0])


def test_a_search_explores_and_tests_what_it_believes_in_turn() -> None:
    assert [beta_of(n, 2.0) for n in range(10, 14)] == [2.0, 0.0, 2.0, 0.0]


def test_what_is_surely_infeasible_is_worth_the_floor() -> None:
    impossible = MaxDrop(benchmark="answers", max_drop=-5.0, relative_to=SPACE.natural)
    bound = replace(POSTERIOR, constraints=(impossible,))
    for beta in (0.0, 2.0):
        criterion = UpperConfidenceBound(posterior=bound, beta=beta, floor=-0.3, reach=1.0)
        np.testing.assert_allclose(criterion(UNSEEN), -0.3, atol=1e-6)


def test_improvement_is_the_mean_excess_of_the_best_feasible_mixture() -> None:
    objective_kq = np.array([[0.0, 1.0, -1.0], [0.0, -1.0, 5.0]])
    draws = Draws(objective_kq=objective_kq, scores_kqm=np.zeros((2, 3, 1)))
    assert expected_improvement(draws, np.ones(3)) == pytest.approx(2.5)
    assert expected_improvement(draws, np.array([1.0, 1.0, 0.1])) == pytest.approx(0.5)


def test_out_of_reach_is_worth_less_than_the_floor_and_less_the_farther() -> None:
    _, doubt_k = POSTERIOR.optimistic(UNSEEN, 0.0)
    reach = float(np.median(doubt_k))
    bound = UpperConfidenceBound(posterior=POSTERIOR, beta=2.0, floor=0.0, reach=reach)
    worth_k = bound(UNSEEN)
    assert (worth_k[doubt_k <= reach] > 0).all()
    beyond = np.flatnonzero(doubt_k > reach)
    assert (worth_k[beyond] < 0).all()
    assert worth_k[beyond].argmin() == doubt_k[beyond].argmax()


def test_reach_is_never_so_short_that_random_mixtures_lie_beyond() -> None:
    few = a_scored_history(MIXTURES[:3])
    for posterior in (POSTERIOR, learn(few, an_objective(few)).posterior):
        _, doubt_k = posterior.optimistic(UNSEEN, 0.0)
        assert (doubt_k <= reach_of(posterior, SPACE, seed=1)).mean() >= 0.9
    assert reach_of(posterior, SPACE, seed=1) > REACH
