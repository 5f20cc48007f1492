"""Which prior serves a table, and how wide its sds must be."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

from mixatlas.surrogate.table import learn_table

D, N = 24, 36
DOMAINS = tuple(f"domain-{d}" for d in range(D))
RNG = np.random.default_rng(3)
SEEN, UNSEEN = RNG.dirichlet(np.ones(D), size=N), RNG.dirichlet(np.ones(D), size=400)
NEEDS = {
    "all": RNG.dirichlet(np.full(D, 3.0), size=3),
    "few": np.eye(D)[[2, 11]],
}


def losses(W_nd: np.ndarray, need: str, *, seed: int, noise: float = 0.02) -> np.ndarray:
    true_nm = (1 + 4 * D * W_nd) ** -0.5 @ NEEDS[need].T
    rng = np.random.default_rng(seed)
    return true_nm + noise * rng.normal(size=true_nm.shape)


@pytest.mark.parametrize("need", NEEDS)
def test_the_prior_that_suits_the_table_is_taken(need: str) -> None:
    free = learn_table(DOMAINS, SEEN, losses(SEEN, need, seed=1))
    checked = free.checked()
    truth = losses(UNSEEN, need, seed=2, noise=0.0)

    def rank(posterior: object) -> float:
        mean = posterior.predict(UNSEEN)[0]
        return np.mean([spearmanr(a, b).statistic for a, b in zip(mean.T, truth.T, strict=True)])

    if need == "all":
        assert rank(checked) > rank(free) + 0.03
    else:
        assert rank(checked) == pytest.approx(rank(free), abs=1e-9)


def test_intervals_hold_what_nobody_saw() -> None:
    free = learn_table(DOMAINS, SEEN, losses(SEEN, "all", seed=1))
    truth = losses(UNSEEN, "all", seed=2)

    def covered(posterior: object) -> float:
        mean, sd = posterior.predict(UNSEEN)
        return (np.abs(truth - mean) <= 1.96 * sd).mean()

    assert covered(free) < 0.9
    assert 0.87 <= covered(free.checked()) <= 0.99


def test_the_order_of_the_runs_changes_nothing() -> None:
    Y_nm = losses(SEEN, "all", seed=1)
    order = np.random.default_rng(0).permutation(N)
    one = learn_table(DOMAINS, SEEN, Y_nm).checked()
    other = learn_table(DOMAINS, SEEN[order], Y_nm[order]).checked()
    assert other.widening == pytest.approx(one.widening, rel=1e-3)
    np.testing.assert_allclose(other.predict(UNSEEN)[0], one.predict(UNSEEN)[0], atol=1e-3)


def test_too_few_mixtures_leave_the_posterior_as_it_is() -> None:
    posterior = learn_table(DOMAINS, SEEN[:6], losses(SEEN[:6], "all", seed=1))
    assert posterior.checked().widening == 1.0
