"""Powers of values whose misses depend on their level."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mixatlas.surrogate.power import LEAST_RUNS, OF_ANY, POWERS_L, Power
from mixatlas.surrogate.table import learn_table

DOMAINS = ("a", "b", "c", "d")
RNG = np.random.default_rng(6)
SEEN, UNSEEN = RNG.dirichlet(np.ones(4), size=48), RNG.dirichlet(np.ones(4), size=400)


def latent(W_nd: np.ndarray) -> np.ndarray:
    return 1.5 * (np.sqrt(W_nd[:, 0]) - W_nd[:, 1])


def measured(W_nd: np.ndarray, seed: int) -> np.ndarray:
    """A loss whose logarithm is simple, one that is simple as it is, and the first one's gain."""
    noise_nm = 0.1 * np.random.default_rng(seed).normal(size=(len(W_nd), 2))
    loss_n, plain_n = np.exp(latent(W_nd) + noise_nm[:, 0]), latent(W_nd) + noise_nm[:, 1]
    return np.column_stack([loss_n, plain_n, -loss_n])


Y_nm = measured(SEEN, 1)
CHECKED = learn_table(DOMAINS, SEEN, Y_nm).checked()


def power_of(X_n: np.ndarray, noise_n: np.ndarray | float = 0.0) -> float:
    """The power of values that no mixture explains."""
    X_nm, N_nm = X_n[:, None], np.broadcast_to(noise_n, X_n.shape)[:, None]
    L_mnn = np.diag(np.sqrt(1 + N_nm[:, 0]))[None]
    return float(Power.learnt(X_nm, N_nm, L_mnn, power_sd=OF_ANY).power_m[0])


def test_a_metric_with_relative_noise_gets_a_logarithm_and_a_plain_one_stays() -> None:
    loss, plain, gain = CHECKED.power.power_m
    assert loss < 0.75
    assert plain == pytest.approx(1.0, abs=0.15)
    assert gain == pytest.approx(2.0 - loss)


def test_sds_grow_with_the_level_as_misses_do() -> None:
    mean_qm, sd_qm = CHECKED.predict(UNSEEN)
    miss_q = np.abs(measured(UNSEEN, 2) - mean_qm)[:, 0]
    high_q = mean_qm[:, 0] > np.median(mean_qm[:, 0])
    grown = miss_q[high_q].mean() / miss_q[~high_q].mean()
    assert grown > 1.5
    assert sd_qm[high_q, 0].mean() / sd_qm[~high_q, 0].mean() == pytest.approx(grown, rel=0.3)


def test_a_gain_is_a_loss_upside_down() -> None:
    for mean_qm, _ in (CHECKED.predict(UNSEEN), CHECKED.left_out()):
        np.testing.assert_allclose(mean_qm[:, 2], -mean_qm[:, 0], atol=1e-3)
    mean_dm, sd_dm = CHECKED.effects(SEEN.mean(axis=0), step=0.2)
    np.testing.assert_allclose(mean_dm[:, 2], -mean_dm[:, 0], atol=1e-3)
    np.testing.assert_allclose(sd_dm[:, 2], sd_dm[:, 0], atol=1e-3)


def test_effects_are_in_the_metric_s_own_unit() -> None:
    middle_d = np.full(4, 0.25)
    mean_dm, sd_dm = CHECKED.effects(middle_d, step=0.2)
    moved_qd = middle_d + 0.2 * (np.eye(4) - middle_d)
    true_d = np.exp(latent(moved_qd)) - np.exp(latent(middle_d[None]))
    assert (np.abs(mean_dm[:, 0] - true_d) < 4 * sd_dm[:, 0] + 0.02).all()


def test_few_equal_or_badly_known_values_have_no_power() -> None:
    skewed_n = np.exp(RNG.normal(size=40))
    skewed_n = (skewed_n - skewed_n.mean()) / skewed_n.std()
    assert power_of(skewed_n) < 0.5
    assert power_of(skewed_n[: LEAST_RUNS - 1]) == 1.0
    assert power_of(np.zeros(40)) == 1.0
    plain_n = np.append(RNG.normal(size=40), 30.0)
    assert power_of(plain_n, np.where(plain_n == 30.0, 1e4, 0.0)) == pytest.approx(1.0, abs=0.4)


@given(
    x_n=hnp.arrays(float, 12, elements=st.floats(-6, 6, width=32)),
    power=st.sampled_from(POWERS_L[POWERS_L != 1]),
)
def test_values_come_back_from_their_latents_in_their_order(x_n: np.ndarray, power: float) -> None:
    X_nm = np.sort(x_n)[:, None]
    of = Power(
        power_m=np.array([power]),
        shift_m=np.array([0.3]),
        spread_m=np.array([0.7]),
        most_m=np.array([12.0]),
    )
    Z_nm = of.latents(X_nm)
    assert (np.diff(Z_nm[:, 0]) >= 0).all()
    np.testing.assert_allclose(of.values(Z_nm), X_nm, atol=1e-6)
    step_nm = (of.latents(X_nm + 1e-5) - of.latents(X_nm - 1e-5)) / 2e-5
    np.testing.assert_allclose(of.slope(X_nm), step_nm, rtol=1e-3)


def test_no_value_lies_endlessly_far() -> None:
    far = CHECKED.power.values(np.array([[50.0, 50.0, 50.0], [-50.0, -50.0, -50.0]]))
    assert np.isfinite(far).all()
    X_nm = (Y_nm - CHECKED.shift_m) / CHECKED.spread_m
    assert np.abs(far[0, 0]) <= 2 * np.abs(X_nm[:, 0]).max() * (1 + 1e-9)


def test_moments_are_those_of_draws() -> None:
    mean_m, variance_m = np.full(3, 0.4), np.full(3, 0.3)
    draws = np.random.default_rng(0).normal(mean_m, np.sqrt(variance_m), size=(200_000, 3))
    values = CHECKED.power.values(draws)
    mean, variance = CHECKED.power.moments(mean_m, variance_m)
    np.testing.assert_allclose(mean, values.mean(axis=0), atol=0.01)
    np.testing.assert_allclose(variance, values.var(axis=0), rtol=0.05)
