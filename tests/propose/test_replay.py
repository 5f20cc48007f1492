"""Searches over tables of finished runs."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixatlas.propose.replay import METHODS, Pool, replay

RNG = np.random.default_rng(3)
W_kd = RNG.dirichlet(np.ones(4), size=80)
GOAL = np.array([0.5, 0.4, 0.1, 0.0])
Y_km = np.column_stack([-((np.sqrt(W_kd) - np.sqrt(GOAL)) ** 2).sum(axis=1), W_kd[:, 3]])
POOL = Pool(domains=("a", "b", "c", "d"), W_kd=W_kd, Y_km=Y_km, weight_m=np.array([1.0, -0.1]))


@given(
    seed=st.integers(0, 1000),
    n_initial=st.integers(1, 10),
    more=st.integers(0, 12),
    batch=st.integers(1, 5),
    method=st.sampled_from(["Sobol", "Random"]),
)
def test_no_run_is_tried_twice_and_the_best_never_gets_worse(
    seed: int, n_initial: int, more: int, batch: int, method: str
) -> None:
    asked: list[int] = []

    def watched(pool: Pool, tried: list[int], q: int, *, seed: int) -> list[int]:
        chosen = list(METHODS[method](pool, tried, q, seed=seed))
        assert len(set(chosen)) == q
        assert not set(chosen) & set(tried)
        asked.extend(chosen)
        return chosen

    found = replay(
        POOL, watched, n_trials=n_initial + more, n_initial=n_initial, batch=batch, seed=seed
    )
    assert len(asked) == more
    assert [found[0].trials, found[-1].trials] == [n_initial, n_initial + more]
    assert all(a.rank >= b.rank and a.regret >= b.regret for a, b in pairwise(found))


@pytest.mark.parametrize("method", METHODS)
def test_a_whole_pool_holds_its_best(method: str) -> None:
    small = Pool(domains=POOL.domains, W_kd=W_kd[:9], Y_km=Y_km[:9], weight_m=POOL.weight_m)
    found = replay(small, METHODS[method], n_trials=9, n_initial=3, batch=4, seed=1)
    assert (found[-1].rank, found[-1].regret) == (0, 0.0)


def test_the_surrogate_hardly_looks_at_a_run_that_is_known_badly() -> None:
    tried = list(range(16))
    lucky_km, S_km = Y_km.copy(), np.zeros_like(Y_km)
    worst = int(POOL.objective_k[tried].argmin())
    lucky_km[worst, 0] += 5
    S_km[worst, 0] = 50
    gained = [
        POOL.objective_k[list(METHODS["Bayesian"](pool, tried, 2, seed=1))].max()
        for pool in (replace(POOL, Y_km=lucky_km), replace(POOL, Y_km=lucky_km, S_km=S_km))
    ]
    assert gained[1] > np.quantile(POOL.objective_k, 0.9) > gained[0]


def test_the_surrogate_finds_the_best_sooner_than_chance() -> None:
    last = {
        method: [
            replay(POOL, METHODS[method], n_trials=16, n_initial=6, batch=5, seed=seed)[-1].rank
            for seed in range(4)
        ]
        for method in ("Bayesian", "Random")
    }
    assert np.median(last["Bayesian"]) == 0
    assert np.median(last["Random"]) > 0


def test_methods_begin_with_the_same_runs_and_repeat_themselves() -> None:
    runs = {
        method: replay(POOL, METHODS[method], n_trials=10, n_initial=6, batch=2, seed=5)
        for method in METHODS
    }
    assert len({steps[0] for steps in runs.values()}) == 1
    again = replay(POOL, METHODS["Bayesian"], n_trials=10, n_initial=6, batch=2, seed=5)
    assert again == runs["Bayesian"]
