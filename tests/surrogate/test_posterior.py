"""Draws, moments and probabilities of the objective agree with each other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from builders import a_scored_history, a_space, an_objective
from mixatlas.space.design import quasi_random
from mixatlas.space.sampling import sample_uniform
from mixatlas.surrogate.feasibility import MaxDrop
from mixatlas.surrogate.learning import learn

SPACE = a_space()
MIXTURES = (SPACE.natural, SPACE.natural, *quasi_random(SPACE, 10, taken=(), seed=2))
HISTORY = a_scored_history(MIXTURES, noise=0.03)
POSTERIOR = learn(HISTORY, an_objective(HISTORY)).posterior
UNSEEN = sample_uniform(SPACE, 6, 3)


def test_moments_are_those_of_the_draws() -> None:
    draws = POSTERIOR.draws(UNSEEN, 40_000, seed=1)
    mean_q, sd_q = POSTERIOR.moments(UNSEEN)
    np.testing.assert_allclose(draws.objective_kq.mean(axis=0), mean_q, atol=0.01)
    np.testing.assert_allclose(draws.objective_kq.std(axis=0), sd_q, rtol=0.05)


def test_widening_multiplies_the_objectives_sd() -> None:
    wider = replace(POSTERIOR, widening=2 * POSTERIOR.widening)
    np.testing.assert_allclose(wider.moments(UNSEEN)[1], 2 * POSTERIOR.moments(UNSEEN)[1])
    draws, wide_draws = (p.draws(UNSEEN, 4000, seed=1) for p in (POSTERIOR, wider))
    np.testing.assert_allclose(
        wide_draws.objective_kq.std(axis=0), 2 * draws.objective_kq.std(axis=0)
    )


def test_draws_are_joint_so_near_mixtures_move_together() -> None:
    pair = np.array([UNSEEN[0], UNSEEN[0] + np.array([1, -1, 0, 0, 0, 0]) * 1e-4])
    objective_kq = POSTERIOR.draws(pair, 2000, seed=1).objective_kq
    assert np.corrcoef(objective_kq.T)[0, 1] > 0.99


def test_probabilities_of_being_best_sum_to_1_and_follow_the_means() -> None:
    chance_q = POSTERIOR.draws(UNSEEN, 4000, seed=1).probability_best()
    assert chance_q.sum() == pytest.approx(1.0)
    mean_q, _ = POSTERIOR.moments(UNSEEN)
    assert chance_q[mean_q.argmax()] > chance_q[mean_q.argmin()]


def test_equal_seeds_give_equal_draws_and_other_seeds_do_not() -> None:
    one, same, other = (POSTERIOR.draws(UNSEEN, 10, seed=s).objective_kq for s in (1, 1, 2))
    assert one.tobytes() == same.tobytes() != other.tobytes()


def test_optimism_is_the_median_plus_sds_on_the_better_side() -> None:
    none, one, two = (POSTERIOR.optimistic(UNSEEN, n)[0] for n in (0.0, 1.0, 2.0))
    assert (none < one).all()
    assert (one < two).all()


def test_optimism_never_promises_a_loss_below_zero() -> None:
    only_loss = replace(
        POSTERIOR, scale=replace(POSTERIOR.scale, slopes_m=np.array([0.0, 0.5]), offset=1.0)
    )
    assert only_loss.optimistic(UNSEEN, 100.0)[0].max() <= 1.0 + 1e-9


def test_chance_of_a_kept_score_is_that_of_the_draws() -> None:
    for benchmark, column, drop in (("answers", 0, 0.1), ("loss", 1, 0.1)):
        constraint = MaxDrop(benchmark=benchmark, max_drop=drop, relative_to=SPACE.natural)
        bound = replace(POSTERIOR, constraints=(constraint,))
        with_reference = np.vstack([UNSEEN, [SPACE.natural.fractions]])
        scores_kqm = POSTERIOR.draws(with_reference, 20_000, seed=1).scores_kqm[:, :, column]
        kept_q = (scores_kqm[:, :-1] >= scores_kqm[:, -1:] - drop).mean(axis=0)
        np.testing.assert_allclose(bound.probability_feasible(UNSEEN), kept_q, atol=0.08)
    assert 0.02 < kept_q.mean() < 0.98


def test_pending_mixtures_shrink_the_sd_around_them() -> None:
    after = POSTERIOR.observing(UNSEEN[:1])
    assert after.moments(UNSEEN[:1])[1][0] < 0.9 * POSTERIOR.moments(UNSEEN[:1])[1][0]


def test_doubt_is_low_where_trials_are_and_high_in_corners() -> None:
    _, tried = POSTERIOR.optimistic(HISTORY.W_nd, 0.0)
    _, corners = POSTERIOR.optimistic(np.eye(6), 0.0)
    assert 0 < tried.max() < corners.min()
