"""Which prior serves a table, and how wide its sds must be."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

from mixatlas.surrogate.table import TablePosterior, learn_table

D, N = 40, 32
DOMAINS = tuple(f"domain-{d}" for d in range(D))
RNG = np.random.default_rng(1)
SEEN, UNSEEN = RNG.dirichlet(np.ones(D), size=N), RNG.dirichlet(np.ones(D), size=300)
WORTH = {"all matter": RNG.normal(size=(4, D)), "two matter": 3 * np.eye(D)[[2, 11]]}


def truth(W_nd: np.ndarray, worth: str) -> np.ndarray:
    return np.sqrt(W_nd) @ WORTH[worth].T


def measured(W_nd: np.ndarray, worth: str) -> np.ndarray:
    true_nm = truth(W_nd, worth)
    noise_m = 0.02 * np.ptp(truth(UNSEEN, worth), axis=0)
    return true_nm + noise_m * np.random.default_rng(len(W_nd)).normal(size=true_nm.shape)


FREE = {worth: learn_table(DOMAINS, SEEN, measured(SEEN, worth)) for worth in WORTH}
CHECKED = {worth: free.checked() for worth, free in FREE.items()}


def rank(posterior: TablePosterior, worth: str) -> float:
    pairs = zip(posterior.predict(UNSEEN)[0].T, truth(UNSEEN, worth).T, strict=True)
    return float(np.mean([spearmanr(mean, true).statistic for mean, true in pairs]))


def test_relevances_are_even_where_all_domains_matter_and_runs_are_few() -> None:
    assert rank(CHECKED["all matter"], "all matter") > rank(FREE["all matter"], "all matter") + 0.03


def test_relevances_stay_free_to_say_that_two_of_many_domains_matter() -> None:
    assert rank(CHECKED["two matter"], "two matter") > rank(FREE["two matter"], "two matter") - 0.01


def test_intervals_hold_what_nobody_saw() -> None:
    def covered(posterior: TablePosterior) -> float:
        mean_qm, sd_qm = posterior.predict(UNSEEN)
        return float((np.abs(measured(UNSEEN, "all matter") - mean_qm) <= 1.96 * sd_qm).mean())

    assert covered(FREE["all matter"]) < 0.85
    assert 0.85 <= covered(CHECKED["all matter"]) <= 0.99


def test_no_order_of_runs_or_domains_changes_the_answer() -> None:
    rng = np.random.default_rng(0)
    runs, columns = rng.permutation(N), rng.permutation(D)
    other = learn_table(
        tuple(DOMAINS[d] for d in columns),
        SEEN[runs][:, columns],
        measured(SEEN, "all matter")[runs],
    ).checked()
    one = CHECKED["all matter"]
    assert other.widening == pytest.approx(one.widening, rel=1e-2)
    mean_qm, _ = one.predict(UNSEEN)
    np.testing.assert_allclose(other.predict(UNSEEN[:, columns])[0], mean_qm, atol=0.02)


def test_what_was_not_measured_does_not_count() -> None:
    Y_nm = measured(SEEN, "two matter")
    holey_nm = np.column_stack([Y_nm, np.where(np.arange(N) < 5, np.nan, Y_nm[:, 0])])
    checked = learn_table(DOMAINS, SEEN, holey_nm).checked()
    assert 0.3 < checked.widening < 3


def test_too_few_mixtures_leave_the_posterior_as_it_is() -> None:
    posterior = learn_table(DOMAINS, SEEN[:6], measured(SEEN[:6], "two matter"))
    assert posterior.checked().widening == 1.0
