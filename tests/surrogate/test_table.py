"""What is learnt from a table does not depend on how the table is written."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixatlas.surrogate.table import TablePosterior, learn_table


@dataclass(frozen=True, kw_only=True)
class Tables:
    """Finished runs and mixtures to predict."""

    domains: tuple[str, ...]
    W_nd: np.ndarray
    Y_nm: np.ndarray
    S_nm: np.ndarray
    V_qd: np.ndarray
    seed: int

    def predicted(self) -> np.ndarray:
        return predicted(learn_table(self.domains, self.W_nd, self.Y_nm, self.S_nm), self.V_qd)


def predicted(posterior: TablePosterior, V_qd: np.ndarray) -> np.ndarray:
    return np.array(posterior.predict(V_qd))


@st.composite
def tables(draw: st.DrawFn) -> Tables:
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    n, d = draw(st.integers(3, 14)), draw(st.integers(2, 6))
    W_nd = rng.dirichlet(np.full(d, draw(st.sampled_from([0.3, 1.0]))), size=n)
    noise = draw(st.sampled_from([0.0, 0.1]))
    Y_nm = np.column_stack([np.sqrt(W_nd[:, 0]), W_nd @ rng.normal(size=d)])
    Y_nm += noise * rng.normal(size=Y_nm.shape)
    # Some are not measured, none is missing from all runs.
    Y_nm[2:][rng.random((n - 2, 2)) < draw(st.sampled_from([0.0, 0.3]))] = np.nan
    return Tables(
        domains=tuple(f"c{i // 2}.t{i % 2}" for i in range(d)),
        W_nd=W_nd,
        Y_nm=Y_nm,
        S_nm=draw(st.sampled_from([0.0, 0.1])) * rng.exponential(size=Y_nm.shape),
        V_qd=rng.dirichlet(np.ones(d), size=3),
        seed=seed,
    )


@settings(max_examples=4, deadline=None)
@given(found=tables())
def test_the_order_of_runs_domains_and_metrics_does_not_matter(found: Tables) -> None:
    rng = np.random.default_rng(found.seed)
    (n, d), expected = found.W_nd.shape, found.predicted()
    runs, domains = rng.permutation(n), rng.permutation(d)
    turned = learn_table(
        [found.domains[i] for i in domains],
        found.W_nd[np.ix_(runs, domains)],
        found.Y_nm[runs, ::-1],
        found.S_nm[runs, ::-1],
    )
    found_again = predicted(turned, found.V_qd[:, domains])[:, :, ::-1]
    np.testing.assert_allclose(found_again, expected, rtol=1e-4, atol=1e-4)


@settings(max_examples=6, deadline=None)
@given(
    found=tables(),
    factor=st.sampled_from([-1.0, 1e-4, -1e5]),
    shift=st.sampled_from([0.0, -3.0, 1e3]),
)
def test_a_metric_in_other_units_is_predicted_in_those(
    found: Tables, factor: float, shift: float
) -> None:
    mean_qm, sd_qm = found.predicted()
    Y_nm, S_nm = factor * found.Y_nm + shift, abs(factor) * found.S_nm
    other = learn_table(found.domains, found.W_nd, Y_nm, S_nm)
    other_mean_qm, other_sd_qm = predicted(other, found.V_qd)
    np.testing.assert_allclose((other_mean_qm - shift) / factor, mean_qm, atol=1e-4)
    np.testing.assert_allclose(other_sd_qm / abs(factor), sd_qm, atol=1e-4)


@settings(max_examples=4, deadline=None)
@given(found=tables())
def test_a_table_is_always_learnt_alike(found: Tables) -> None:
    assert (found.predicted() == found.predicted()).all()


@settings(max_examples=6, deadline=None)
@given(found=tables(), step=st.sampled_from([0.01, 0.1, 1.0]))
def test_effects_are_differences_of_predictions(found: Tables, step: float) -> None:
    posterior = learn_table(found.domains, found.W_nd, found.Y_nm)
    w_d = found.W_nd.mean(axis=0)
    mean_dm, sd_dm = posterior.effects(w_d, step=step)
    there_dm, here_1m = (
        posterior.predict(W)[0] for W in (w_d + step * (np.eye(len(w_d)) - w_d), w_d[None])
    )
    np.testing.assert_allclose(mean_dm, there_dm - here_1m, atol=1e-6)
    assert np.isfinite(sd_dm).all()
    assert (sd_dm >= 0).all()


def test_no_step_has_no_effect_and_no_doubt() -> None:
    rng = np.random.default_rng(1)
    W_nd = rng.dirichlet(np.ones(3), size=9)
    mean_dm, sd_dm = learn_table("abc", W_nd, W_nd[:, :2]).effects(W_nd.mean(axis=0), step=0.0)
    np.testing.assert_allclose(mean_dm, 0.0, atol=1e-9)
    np.testing.assert_allclose(sd_dm, 0.0, atol=1e-5)


RNG = np.random.default_rng(2)
W_nd = RNG.dirichlet(np.ones(4), size=12)
Y_nm = np.column_stack([np.sqrt(W_nd[:, 0]), W_nd[:, 1] + 0.1 * RNG.normal(size=12)])
GAPS_nm = Y_nm.copy()
GAPS_nm[3:, 0] = np.nan
GAPS_nm[:8, 1] = np.nan
FLAT_nm = np.column_stack([np.full(12, 0.1) + 0.2, Y_nm[:, 1]])
PAIRED_nd = np.column_stack([W_nd[:, 0] / 2, W_nd[:, 0] / 2, W_nd[:, 1], W_nd[:, 2] + W_nd[:, 3]])
EMPTY_nd = np.column_stack([W_nd[:, :2], W_nd[:, 2] + W_nd[:, 3], np.zeros(12)])


@pytest.mark.parametrize(
    ("W_nd", "Y_nm"),
    [
        pytest.param(W_nd[:1], Y_nm[:1], id="one run"),
        pytest.param(W_nd[:2], Y_nm[:2], id="two runs"),
        pytest.param(np.tile(W_nd[:1], (12, 1)), Y_nm, id="equal mixtures"),
        pytest.param(np.eye(4), Y_nm[:4], id="single domains"),
        pytest.param(PAIRED_nd, Y_nm, id="domains that move together"),
        pytest.param(EMPTY_nd, Y_nm, id="a domain at zero"),
        pytest.param(W_nd, FLAT_nm, id="a constant metric"),
        pytest.param(W_nd, np.zeros((12, 2)), id="zeros"),
        pytest.param(W_nd, GAPS_nm, id="hardly measured"),
        pytest.param(W_nd, 1e99 * Y_nm, id="huge"),
        pytest.param(W_nd, 1e-300 * Y_nm, id="tiny"),
        pytest.param(W_nd, 1e6 + 1e-6 * Y_nm, id="far from zero"),
    ],
)
def test_poor_tables_give_finite_numbers(W_nd: np.ndarray, Y_nm: np.ndarray) -> None:
    posterior = learn_table(("a", "b", "c", "d"), W_nd, Y_nm)
    everywhere_qd = np.concatenate([np.eye(4), np.full((1, 4), 0.25)])
    for mean, sd in (
        posterior.predict(everywhere_qd),
        posterior.effects(W_nd.mean(axis=0), step=0.1),
        posterior.left_out(),
    ):
        assert np.isfinite(mean).all()
        assert np.isfinite(sd).all()
        assert (sd >= 0).all()


EVERYWHERE = np.random.default_rng(5).dirichlet(np.ones(4), size=40)


def test_a_run_that_is_known_badly_hardly_moves_predictions() -> None:
    far_nm, S_nm = Y_nm.copy(), np.zeros((12, 2))
    far_nm[4] += 1000
    S_nm[4] = 1e4
    without_nm = np.delete(Y_nm, 4, axis=0)
    expected = learn_table("abcd", np.delete(W_nd, 4, axis=0), without_nm).predict(EVERYWHERE)[0]
    atol = 0.15 * np.ptp(expected, axis=0)
    told = learn_table("abcd", W_nd, far_nm, S_nm).predict(EVERYWHERE)[0]
    assert (np.abs(told - expected) < atol).all()
    untold = learn_table("abcd", W_nd, far_nm).predict(EVERYWHERE)[0]
    assert np.abs(untold - expected).max() > 100


def test_standard_errors_of_0_are_none() -> None:
    none, zeros = (learn_table("abcd", W_nd, Y_nm, S).checked() for S in (0.0, np.zeros((12, 2))))
    np.testing.assert_array_equal(predicted(none, EVERYWHERE), predicted(zeros, EVERYWHERE))
    np.testing.assert_array_equal(none.left_out(), zeros.left_out())


def test_of_two_measurements_of_a_mixture_the_one_that_is_known_well_counts() -> None:
    twice_nd, twice_nm = np.vstack([W_nd, W_nd]), np.vstack([Y_nm, Y_nm + 0.5])
    for well, expected_nm in ((slice(0, 12), Y_nm), (slice(12, 24), Y_nm + 0.5)):
        S_nm = np.full((24, 2), 0.5)
        S_nm[well] = 0.01
        mean_nm, _ = learn_table("abcd", twice_nd, twice_nm, S_nm).predict(W_nd)
        assert np.abs(mean_nm - expected_nm)[:, 0].max() < 0.1


def test_a_new_measurement_has_the_typical_noise_and_a_run_its_own() -> None:
    S_nm = np.tile([0.3, 0.6], (12, 1))
    S_nm[:3] = 3.0
    S_nm[3:6] = 0.0
    posterior = learn_table("abcd", W_nd, Y_nm, S_nm)
    _, sd_qm = posterior.predict(EVERYWHERE)
    assert (sd_qm > [0.3, 0.6]).all()
    assert (sd_qm < 1.5).all()
    assert (posterior.noise_sd_m >= [0.3, 0.6]).all()
    assert (posterior.noise_sd_m < [0.5, 0.8]).all()
    _, sd_nm = posterior.left_out()
    assert (sd_nm[:3] > 3.0).all()
    assert (sd_nm[3:] < 1.5).all()


@pytest.mark.parametrize("sem", [1e-300, 1e100])
def test_any_standard_errors_give_finite_numbers(sem: float) -> None:
    posterior = learn_table("abcd", W_nd, Y_nm, np.full((12, 2), sem)).checked()
    assert np.isfinite(predicted(posterior, EVERYWHERE)).all()
    assert np.isfinite(posterior.left_out()).all()
