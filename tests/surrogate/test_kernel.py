"""The kernel against its formula, and what its parts are for."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from mixatlas.surrogate.kernel import (
    LENGTH,
    LINEAR,
    RELEVANCES,
    SHARES,
    SMOOTH,
    Kernel,
    prior,
)

N_GROUPS = 3
MEAN_P, SD_P = prior(N_GROUPS)


def random_theta(seed: int) -> torch.Tensor:
    drawn = np.random.default_rng(seed).normal(size=(1, len(MEAN_P)))
    return torch.as_tensor(MEAN_P + SD_P * drawn)


def random_features(seed: int, n: int) -> torch.Tensor:
    return torch.as_tensor(np.random.default_rng(seed).normal(size=(n, 2 * N_GROUPS)))


def test_it_is_the_formula() -> None:
    theta, X = random_theta(1), random_features(2, 2)
    x, y = X.numpy()
    p = theta[0].numpy()
    share = np.exp(p[SHARES]) / np.exp(p[SHARES]).sum()
    c = np.concatenate([share[0] * np.exp(2 * p[RELEVANCES]), share[1] * np.exp(2 * p[RELEVANCES])])
    r = np.sqrt(5 * (c * (x - y) ** 2).sum()) / np.exp(p[LENGTH])
    linear = np.exp(p[LINEAR]) * (c * x * y).sum() / N_GROUPS
    smooth = np.exp(p[SMOOTH]) * (1 + r + r**2 / 3) * np.exp(-r)
    np.testing.assert_allclose(Kernel.of(theta)(X[:1], X[1:])[0, 0, 0], 1 + linear + smooth)


@given(seed=st.integers(0, 10_000))
def test_it_is_a_covariance_with_its_own_diagonal(seed: int) -> None:
    kernel, X = Kernel.of(random_theta(seed)), random_features(seed, 6)
    K = kernel(X, X)[0]
    np.testing.assert_allclose(K.diagonal(), kernel.diagonal(X)[0], rtol=1e-5)
    assert torch.linalg.eigvalsh(K).min() > -1e-8 * K.diagonal().max()


def test_a_group_without_relevance_does_not_matter() -> None:
    theta, X = random_theta(3), random_features(4, 2)
    theta[0, RELEVANCES.start] = -40.0
    moved = X.clone()
    moved[:, [0, N_GROUPS]] += 5.0
    kernel = Kernel.of(theta)
    np.testing.assert_allclose(kernel(X, X), kernel(moved, moved), rtol=1e-6)
