"""What a mixture is worth trying for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from builders import a_scored_history, a_space, an_objective
from mixatlas.propose.acquisition import (
    REACH,
    LogNoisyExpectedImprovement,
    UpperConfidenceBound,
    expected_improvement,
    log_improvement,
    reach_of,
    turn_at,
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


def test_a_search_spreads_tests_what_it_believes_and_explores_in_turn() -> None:
    assert [turn_at(n) for n in range(9, 13)] == ["spread", "test", "explore", "spread"]


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


def improvement(tried: np.ndarray, *, reach: float = 9.0) -> LogNoisyExpectedImprovement:
    bound = UpperConfidenceBound(posterior=POSTERIOR, beta=2.0, floor=0.0, reach=reach)
    return LogNoisyExpectedImprovement.over(POSTERIOR, tried, bound=bound, seed=5)


def test_noisy_improvement_is_the_mean_gain_of_joint_draws() -> None:
    tried, new = UNSEEN[:3], UNSEEN[3:6]
    draws = POSTERIOR.draws(np.concatenate([tried, new]), 40_000, seed=1).objective_kq
    gain_q = np.maximum(draws[:, 3:] - draws[:, :3].max(axis=1)[:, None], 0.0).mean(axis=0)
    np.testing.assert_allclose(np.exp(improvement(tried)(new)), gain_q, rtol=0.2)


def test_what_was_asked_for_improves_on_nothing() -> None:
    tried = UNSEEN[:3]
    worth_q = improvement(np.concatenate([tried, UNSEEN[3:4]]))(UNSEEN[3:6])
    assert worth_q[0] < improvement(tried)(UNSEEN[3:4])[0] - 2
    assert worth_q.argmin() == 0


def test_an_improvement_out_of_reach_counts_less_than_any_within() -> None:
    _, doubt_k = POSTERIOR.optimistic(UNSEEN, 0.0)
    reach = float(np.median(doubt_k))
    worth_k = improvement(UNSEEN[:3], reach=reach)(UNSEEN)
    assert worth_k[doubt_k > reach].max() < worth_k[doubt_k <= reach].min()


def test_the_logarithm_of_an_improvement_holds_far_below_the_best() -> None:
    u = np.array([-2000.0, -999.0, -40.0, -6.0, -1.01, -0.99, 0.0, 3.0])
    values = log_improvement(u)
    assert (np.diff(values) > 0).all()
    assert values[6] == pytest.approx(np.log(1 / np.sqrt(2 * np.pi)))
    # φ(6) - 6 Φ(-6) by integration
    assert values[3] == pytest.approx(
        np.log(quad(lambda x: (x - 6) * norm.pdf(x), 6, 40, epsabs=0)[0])
    )
    assert values[2] == pytest.approx(-800 - 0.919 - 2 * np.log(40) - 3 / 1600, abs=1e-3)
