"""Hyper-parameters by maximum a posteriori."""

from __future__ import annotations

import numpy as np
import pytest

from mixatlas.contract.errors import FitFailed
from mixatlas.surrogate.features import Features
from mixatlas.surrogate.fit import MOST_FITTED, fit, hyperparameters, start_from
from mixatlas.surrogate.kernel import RELEVANCES, RESIDUAL

RNG = np.random.default_rng(4)
W_nd = RNG.dirichlet(np.ones(4), size=30)
FEATURES = Features.over(("a", "b", "c", "d"), W_nd)
SMOOTH = np.sqrt(W_nd[:, 0]) - np.sqrt(W_nd[:, 1])
SMOOTH = (SMOOTH - SMOOTH.mean()) / SMOOTH.std()
ROUGH = RNG.normal(size=30)
NOISE_M = np.array([1e-4])


def test_noise_goes_where_it_is() -> None:
    found = fit(
        W_nd,
        np.column_stack([SMOOTH, ROUGH]),
        noise_m=np.array([1e-4, 1e-4]),
        features=FEATURES,
    )
    smooth, rough = hyperparameters(found, ("smooth", "rough")).values()
    assert smooth[RESIDUAL] < 0.03
    assert rough[RESIDUAL] > 0.1


def test_what_moves_a_benchmark_becomes_relevant() -> None:
    found = fit(W_nd, SMOOTH[:, None], noise_m=NOISE_M, features=FEATURES)
    relevance = hyperparameters(found, ("smooth",))["smooth"][RELEVANCES]
    assert min(relevance[:2]) > max(relevance[2:])


def test_a_warm_start_ends_where_it_began() -> None:
    cold = fit(W_nd, SMOOTH[:, None], noise_m=NOISE_M, features=FEATURES)
    start = start_from(hyperparameters(cold, ("smooth",)), ("smooth",), FEATURES.n_groups)
    warm = fit(W_nd, SMOOTH[:, None], noise_m=NOISE_M, features=FEATURES, warm_start=start)
    there, here = (found.marginals(W_nd) for found in (cold, warm))
    np.testing.assert_allclose(here, there, atol=0.02)


@pytest.mark.parametrize("is_noise_of_each", [False, True])
def test_many_trials_in_another_order_give_the_same_fit(is_noise_of_each: bool) -> None:
    W = RNG.dirichlet(np.ones(3), size=MOST_FITTED + 40)
    Z = (np.log(W[:, :1] + 0.01) - W[:, 1:2]) + 0.1 * RNG.normal(size=(len(W), 1))
    N = np.full((len(W), 1), NOISE_M[0])
    if is_noise_of_each:
        Z[::3], N[::3] = Z[::3] + 10 * RNG.normal(size=Z[::3].shape), 100
    shuffled = RNG.permutation(len(W))
    features = Features.over(("a", "b", "c"), W)
    one, other = (
        fit(
            W[rows],
            Z[rows],
            noise_m=N[rows] if is_noise_of_each else NOISE_M,
            features=features,
        )
        for rows in (np.arange(len(W)), shuffled)
    )
    np.testing.assert_allclose(
        one.marginals(W[:5])[0], other.marginals(W[:5])[0], rtol=0.01, atol=0.01
    )
    assert one.residual_variance_m[0] < 0.1


def test_scores_that_are_not_finite_numbers_fail_as_a_value_of_ours() -> None:
    with pytest.raises(FitFailed):
        fit(np.full((3, 4), np.nan), np.zeros((3, 1)), noise_m=NOISE_M, features=FEATURES)


@pytest.mark.parametrize(
    "stored",
    [
        pytest.param(None, id="nothing"),
        pytest.param({"one": (1.0,) * 10}, id="a benchmark is missing"),
        pytest.param({"one": (1.0,), "two": (1.0,)}, id="too few numbers"),
        pytest.param({"one": (-1.0,) * 10, "two": (1.0,) * 10}, id="not positive"),
        pytest.param({"one": (float("nan"),) * 10, "two": (1.0,) * 10}, id="not a number"),
    ],
)
def test_a_malformed_warm_start_is_no_start(stored: dict[str, tuple[float, ...]] | None) -> None:
    assert start_from(stored, ("one", "two"), FEATURES.n_groups) is None


def test_a_stored_fit_is_read_back() -> None:
    found = fit(W_nd, SMOOTH[:, None], noise_m=NOISE_M, features=FEATURES)
    stored = hyperparameters(found, ("smooth",))
    start = start_from(stored, ("smooth",), FEATURES.n_groups)
    assert start is not None
    np.testing.assert_allclose(np.exp(start[0]), stored["smooth"])
