"""How large the set of near-optimal mixtures is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from builders import TWO_BENCHMARKS, a_scored_history, a_space
from mixatlas.contract.mixture import Mixture
from mixatlas.ledger.records import NearOptimal
from mixatlas.objective.fixing import fix_objective
from mixatlas.propose.near_optimal import N_SAMPLED, near_optimal
from mixatlas.propose.nominate import best_mean
from mixatlas.propose.tried import Tried, rank_tried
from mixatlas.propose.values import ProposeSettings
from mixatlas.space.build import Bound, build_space
from mixatlas.space.lattice import repair
from mixatlas.space.sampling import sample_uniform
from mixatlas.space.space import MixtureSpace
from mixatlas.surrogate.feasibility import Divergence
from mixatlas.surrogate.learning import learn
from mixatlas.surrogate.posterior import ObjectivePosterior

SPACE = a_space(2, 2)
SETTINGS = ProposeSettings(n_pool=256, n_starts=2)
ANSWERS_ALONE = (TWO_BENCHMARKS[0], replace(TWO_BENCHMARKS[1], weight=0.0))


def learned(n: int, *, noise: float = 0.03) -> tuple[ObjectivePosterior, Tried]:
    """Return what `n` random trials say of the answers."""
    mixtures = [SPACE.natural, *(repair(SPACE, w_d) for w_d in sample_uniform(SPACE, n - 1, 3))]
    history = a_scored_history(mixtures, noise=noise)
    record = fix_objective(
        history,
        ANSWERS_ALONE,
        scale="Normalized",
        reference="natural",
        reference_mixture=SPACE.natural,
    )
    found = learn(history, record)
    return found.posterior, rank_tried(SPACE, history, found)


def measure(
    posterior: ObjectivePosterior, tried: Tried, *, space: MixtureSpace = SPACE, seed: int = 1
) -> NearOptimal:
    end = climbed(posterior, tried, space=space, seed=seed)
    return near_optimal(space, posterior, tried, end, seed=seed)


def climbed(
    posterior: ObjectivePosterior, tried: Tried, *, space: MixtureSpace = SPACE, seed: int = 1
) -> Mixture:
    return best_mean(space, posterior, tried, seed=seed, settings=SETTINGS)


def best_of(posterior: ObjectivePosterior, tried: Tried) -> np.ndarray:
    """Return the mixture that the others are compared with."""
    known = [sample_uniform(SPACE, N_SAMPLED, 1), tried.W_gd, climbed(posterior, tried).fractions]
    everything = np.vstack(known)
    mean_k, _ = posterior.moments(everything)
    return everything[mean_k.argmax()]


def by_formula(posterior: ObjectivePosterior, W_kd: np.ndarray, best_d: np.ndarray) -> np.ndarray:
    """Tell what is within one standard error: closed forms, for scores without logarithm."""
    mean_mq, C_mqq = posterior.processes.joint(np.vstack([best_d, W_kd]))
    slope = posterior.scale.slopes_m[0] * posterior.warp.spread_m[0]
    own_q = np.diag(C_mqq[0])
    variance_k = own_q[0] + own_q[1:] - 2 * C_mqq[0, 0, 1:]
    behind_k = slope * (mean_mq[0, 0] - mean_mq[0, 1:])
    return behind_k <= posterior.widening * slope * np.sqrt(np.maximum(variance_k, 0))


@pytest.mark.parametrize("n", [6, 24])
def test_share_and_count_are_those_of_the_closed_form(n: int) -> None:
    posterior, tried = learned(n)
    found = measure(posterior, tried)
    W_sd = sample_uniform(SPACE, N_SAMPLED, 1)
    best_d = best_of(posterior, tried)
    assert 0.01 < found.share < 0.9
    assert found.share == pytest.approx(by_formula(posterior, W_sd, best_d).mean(), abs=0.015)
    n_tried = by_formula(posterior, tried.W_gd, best_d).sum()
    assert abs(found.tried - n_tried) <= 1
    assert (found.sampled, found.eligible) == (N_SAMPLED, n)


def test_more_trials_leave_less_of_the_space() -> None:
    few, more = measure(*learned(6)), measure(*learned(60, noise=0.01))
    assert more.share < 0.5 * few.share
    assert 0 < more.reach < 0.7 * few.reach <= 1


def test_the_best_is_near_itself() -> None:
    posterior, tried = learned(8)
    best_d = best_of(posterior, tried)
    with_best = replace(
        tried,
        mixtures=(repair(SPACE, best_d),),
        trials=(1,),
        W_gd=best_d[None],
        mean_g=tried.mean_g[:1],
        eligible_g=np.array([True]),
    )
    assert measure(posterior, with_best).tried == 1


def test_mixtures_are_compared_with_the_end_of_the_ascent_where_it_is_best() -> None:
    posterior, tried = learned(24)
    end = climbed(posterior, tried)
    np.testing.assert_array_equal(best_of(posterior, tried), end.fractions)
    with_end = near_optimal(SPACE, posterior, tried, end, seed=1)
    without = near_optimal(SPACE, posterior, tried, tried.mixtures[-1], seed=1)
    assert with_end.reach != without.reach


def test_what_is_likely_infeasible_is_not_in_the_set() -> None:
    posterior, tried = learned(8)
    before = measure(posterior, tried)
    best_d = best_of(posterior, tried)
    around = Divergence(W_kd=best_d[None], radius_k=np.array([0.2]))
    after = measure(replace(posterior, divergence=around), tried)
    assert after.share < before.share
    nowhere = Divergence(W_kd=best_d[None], radius_k=np.array([100.0]))
    none = replace(tried, eligible_g=np.zeros(len(tried.mixtures), dtype=bool))
    empty = measure(replace(posterior, divergence=nowhere), none)
    assert (empty.share, empty.reach, empty.tried, empty.eligible) == (0.0, 0.0, 0, 0)


def test_tried_mixtures_that_are_not_eligible_are_not_counted() -> None:
    posterior, tried = learned(8)
    fewer = replace(tried, eligible_g=np.arange(8) >= 3)
    assert measure(posterior, fewer).eligible == 5


def test_a_space_of_one_mixture_is_near_optimal_as_a_whole() -> None:
    posterior, tried = learned(6)
    bounds = [Bound(domain=name, min="0.25", max="0.25") for name in SPACE.domains]
    point = build_space(tokens=dict.fromkeys(SPACE.domains, 10), bounds=bounds)
    found = measure(posterior, replace(tried, eligible_g=np.zeros(6, dtype=bool)), space=point)
    assert (found.share, found.reach) == (1.0, 1.0)


def test_a_seed_gives_one_answer() -> None:
    posterior, tried = learned(8)
    assert measure(posterior, tried) == measure(posterior, tried)
    assert measure(posterior, tried, seed=2).share != measure(posterior, tried).share
