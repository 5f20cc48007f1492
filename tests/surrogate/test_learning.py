"""From a history to a posterior that can be trusted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import spearmanr

from builders import a_scored_history, a_space, an_objective, true_scores
from mixatlas.contract.errors import FitFailed, HistoryMismatch
from mixatlas.ledger.history import History
from mixatlas.objective.scale import Scale
from mixatlas.space.design import quasi_random
from mixatlas.space.sampling import sample_uniform
from mixatlas.surrogate.feasibility import MaxDrop
from mixatlas.surrogate.kernel import RELEVANCES
from mixatlas.surrogate.learning import learn

SPACE = a_space()
MIXTURES = (SPACE.natural, SPACE.natural, *quasi_random(SPACE, 18, taken=(), seed=2))
HISTORY = a_scored_history(MIXTURES)
OBJECTIVE = an_objective(HISTORY)
UNSEEN = sample_uniform(SPACE, 200, 3)
LEARNED = learn(HISTORY, OBJECTIVE)
TRUTH = Scale.of_record(OBJECTIVE).objective(true_scores(UNSEEN))


def shuffled(history: History) -> History:
    order = np.random.default_rng(0).permutation(history.n)
    return replace(
        history,
        trials=tuple(history.trials[i] for i in order),
        mixtures=tuple(history.mixtures[i] for i in order),
        W_nd=history.W_nd[order],
        Y_nm=history.Y_nm[order],
        V_nm=history.V_nm[order],
        diverged_n=history.diverged_n[order],
    )


def test_unseen_mixtures_are_ranked_and_their_intervals_hold() -> None:
    posterior = LEARNED.posterior
    mean_q, _ = posterior.moments(UNSEEN)
    assert spearmanr(mean_q, TRUTH).statistic > 0.8
    lower, upper = posterior.draws(UNSEEN, 500, seed=1).objective_interval()
    assert ((lower <= TRUTH) & (upper >= TRUTH)).mean() > 0.7


def test_equal_arguments_give_equal_bytes_in_any_order_of_trials() -> None:
    one, other = LEARNED, learn(shuffled(HISTORY), OBJECTIVE)
    assert one.hyperparameters == other.hyperparameters
    assert (
        one.posterior.moments(UNSEEN)[0].tobytes() == other.posterior.moments(UNSEEN)[0].tobytes()
    )


def test_standard_errors_of_the_history_count_where_seed_noise_is_not_known() -> None:
    V_nm = np.full_like(HISTORY.Y_nm, 0.01)
    V_nm[3] = 4.0
    told = replace(HISTORY, V_nm=V_nm)
    posterior = learn(told, OBJECTIVE, is_noise_known=False).posterior
    data, warp = posterior.processes.data, posterior.warp
    slope_nm = warp.power.slope(warp.power.values(data.seen_nm))
    # A loss's logarithm and the powers stretch noise; what is learnt of it is alike in all latents.
    stretch_nm = slope_nm / warp.spread_m
    stretch_nm[:, 1] /= HISTORY.Y_nm[:, 1]
    more_m = (data.N_mn[:, 3] - data.N_mn[:, 4]).numpy()
    np.testing.assert_allclose(more_m, 4.0 * stretch_nm[3] ** 2 - 0.01 * stretch_nm[4] ** 2)
    known = learn(told, OBJECTIVE)
    assert known.posterior.moments(UNSEEN)[0].tobytes() == (
        LEARNED.posterior.moments(UNSEEN)[0].tobytes()
    )


def test_a_warm_start_from_its_own_answer_changes_little() -> None:
    warm = learn(HISTORY, OBJECTIVE, warm_start=LEARNED.hyperparameters)
    np.testing.assert_allclose(
        warm.posterior.moments(UNSEEN)[0], LEARNED.posterior.moments(UNSEEN)[0], atol=1e-3
    )


def test_a_diverged_trial_changes_no_score_and_closes_its_spot() -> None:
    spot = SPACE.uniform
    history = a_scored_history((*MIXTURES, spot), diverged=[len(MIXTURES)])
    with_it, without = learn(history, OBJECTIVE).posterior, LEARNED.posterior
    np.testing.assert_allclose(with_it.moments(UNSEEN)[0], without.moments(UNSEEN)[0])
    assert with_it.probability_feasible(np.array([spot.fractions]))[0] == 0.0


def test_a_noise_told_too_small_is_found_and_widened() -> None:
    jumpy = a_scored_history(MIXTURES, noise=0.1)
    boasting = OBJECTIVE.model_copy(update={"seed_sd": {"answers": 1e-4, "loss": 1e-4}})
    posterior = learn(jumpy, boasting).posterior
    lower, upper = posterior.draws(UNSEEN, 500, seed=1).objective_interval()
    assert ((lower <= TRUTH) & (upper >= TRUTH)).mean() > 0.75


def test_other_benchmarks_and_unknown_constraints_are_refused() -> None:
    with pytest.raises(HistoryMismatch, match="benchmarks"):
        learn(replace(HISTORY, benchmarks=("answers", "other")), OBJECTIVE)
    unknown = MaxDrop(benchmark="other", max_drop=0.1, relative_to=SPACE.natural)
    with pytest.raises(HistoryMismatch, match="other"):
        learn(HISTORY, OBJECTIVE, constraints=[unknown])


def test_no_scores_at_all_is_a_failed_fit() -> None:
    with pytest.raises(FitFailed, match="no score"):
        learn(History.empty(SPACE.domains, HISTORY.benchmarks), OBJECTIVE)


def test_intervals_of_few_trials_of_many_domains_hold_what_nobody_saw() -> None:
    space = a_space(4, 5)
    mixtures = (space.natural, space.natural, *quasi_random(space, 22, taken=(), seed=2))
    unseen = sample_uniform(space, 300, 3)
    held, held_unwidened = [], []
    for seed in range(3):
        worth_dm = np.random.default_rng(seed).normal(size=(space.d, 2))

        def scores(W_nd: np.ndarray, worth_dm: np.ndarray = worth_dm) -> np.ndarray:
            return np.asarray(0.2 * np.sqrt(W_nd) @ worth_dm - (0, 2))

        history = a_scored_history(mixtures)
        true_nm = scores(history.W_nd)
        noise_nm = (
            0.02
            * np.ptp(scores(unseen), axis=0)
            * np.random.default_rng(24).normal(size=true_nm.shape)
        )
        history = replace(history, Y_nm=true_nm + noise_nm)
        objective = an_objective(history)
        truth = Scale.of_record(objective).objective(scores(unseen))
        posterior = learn(history, objective).posterior
        for found, one in [
            (held, posterior),
            (held_unwidened, replace(posterior, widening=1.0)),
        ]:
            lower, upper = one.draws(unseen, 500, seed=1).objective_interval()
            found.append(((lower <= truth) & (upper >= truth)).mean())
    assert np.mean(held_unwidened) < 0.85 < np.mean(held)


@pytest.mark.parametrize(
    ("n_of_worth", "noise", "are_even"),
    [
        pytest.param(20, 0.06, True, id="all domains matter and trials are noisy"),
        pytest.param(2, 0.01, False, id="two domains matter"),
    ],
)
def test_relevances_are_as_free_as_left_out_trials_ask(
    n_of_worth: int, noise: float, are_even: bool
) -> None:
    space = a_space(4, 5)
    mixtures = (space.natural, space.natural, *quasi_random(space, 30, taken=(), seed=2))
    worth_dm = np.zeros((space.d, 2))
    worth_dm[:n_of_worth] = np.random.default_rng(1).normal(size=(n_of_worth, 2))
    worth_dm *= 1.0 if are_even else 2.0
    history = a_scored_history(mixtures)
    luck_nm = np.random.default_rng(1).normal(size=(history.n, 2))
    scores_nm = 0.2 * np.sqrt(history.W_nd) @ worth_dm + noise * luck_nm - (0, 2)
    history = replace(history, Y_nm=scores_nm)
    processes = learn(history, an_objective(history)).posterior.processes
    assert (float(processes.theta_mp[:, RELEVANCES].std()) < 0.1) == are_even
