"""Hyper-parameters by maximum a posteriori."""

from __future__ import annotations

import numpy as np
import pytest

from mixatlas.contract.errors import FitFailed
from mixatlas.surrogate.features import Features
from mixatlas.surrogate.fit import PRIOR_MEAN, fit, starts_from

RNG = np.random.default_rng(4)
W_nd = RNG.dirichlet(np.ones(4), size=30)
FEATURES = Features.on(("a", "b", "c", "d"), epsilon=0.01)
SMOOTH = np.sqrt(W_nd[:, 0]) - np.sqrt(W_nd[:, 1])
SMOOTH = (SMOOTH - SMOOTH.mean()) / SMOOTH.std()
ROUGH = RNG.normal(size=30)


def test_noise_goes_where_it_is() -> None:
    found = fit(
        W_nd,
        np.column_stack([SMOOTH, ROUGH]),
        noise_m=np.array([1e-4, 1e-4]),
        candidates=[FEATURES],
    )
    smooth, rough = found.hyperparameters(("smooth", "rough")).values()
    assert smooth[2] < 0.02
    assert rough[2] > 0.1


def test_each_benchmark_takes_its_own_best_start() -> None:
    bad_start = np.tile(PRIOR_MEAN + np.array([3.0, 1.0, 3.0]), (2, 1))
    Z_nm = np.column_stack([SMOOTH, ROUGH])
    noise_m = np.array([1e-4, 1e-4])
    alone = fit(W_nd, Z_nm, noise_m=noise_m, candidates=[FEATURES])
    both = fit(W_nd, Z_nm, noise_m=noise_m, candidates=[FEATURES], starts=[bad_start])
    assert both.log_posterior >= alone.log_posterior


def test_the_feature_map_with_the_higher_posterior_wins() -> None:
    maps = [Features.on(("a", "b", "c", "d"), epsilon=e) for e in (1e-6, 0.05)]
    arguments = {"noise_m": np.array([1e-4])}
    each = [fit(W_nd, SMOOTH[:, None], candidates=[m], **arguments) for m in maps]
    best = fit(W_nd, SMOOTH[:, None], candidates=maps, **arguments)
    assert best.log_posterior == max(found.log_posterior for found in each)


def test_scores_that_are_not_finite_numbers_fail_as_a_value_of_ours() -> None:
    with pytest.raises(FitFailed):
        fit(
            np.full((3, 4), np.nan),
            np.zeros((3, 1)),
            noise_m=np.array([0.1]),
            candidates=[FEATURES],
        )


@pytest.mark.parametrize(
    "stored",
    [
        pytest.param(None, id="nothing"),
        pytest.param({"one": (1.0, 1.0, 0.1, 0.01)}, id="a benchmark is missing"),
        pytest.param({"one": (1.0,), "two": (1.0,)}, id="too few numbers"),
        pytest.param({"one": (-1.0,) * 4, "two": (1.0,) * 4}, id="not positive"),
    ],
)
def test_a_malformed_warm_start_is_no_start(stored: dict[str, tuple[float, ...]] | None) -> None:
    assert starts_from(stored, ("one", "two")) == ((), None)


def test_a_stored_fit_is_read_back() -> None:
    stored = fit(
        W_nd, SMOOTH[:, None], noise_m=np.array([1e-4]), candidates=[FEATURES]
    ).hyperparameters(("smooth",))
    (start,), epsilon = starts_from(stored, ("smooth",))
    np.testing.assert_allclose(np.exp(start[0]), stored["smooth"][:3])
    assert epsilon == 0.01
