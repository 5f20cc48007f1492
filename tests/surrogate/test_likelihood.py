"""The likelihood's closed-form slope against automatic differentiation."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from mixatlas.surrogate.features import Features
from mixatlas.surrogate.gp import Data, factor
from mixatlas.surrogate.kernel import prior
from mixatlas.surrogate.likelihood import log_likelihood


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 20), n_sources=st.sampled_from([0, 2]))
def test_value_and_slope_are_those_of_the_covariance(seed: int, n: int, n_sources: int) -> None:
    rng = np.random.default_rng(seed)
    W_nd = rng.dirichlet(np.full(4, 0.5), size=n)
    features = Features.over(("a.x", "a.y", "b.x", "b.y"), W_nd)
    Z_nm = rng.normal(size=(n, 2))
    Z_nm[0, 1] = np.nan
    X_nf, sees_mje = features(W_nd), None
    if n_sources:
        # The first source tells of both benchmarks, the second of the first one.
        sees_mje = torch.zeros(2, 2, 3, dtype=torch.float64)
        sees_mje[[0, 1, 0], [0, 0, 1], [0, 1, 2]] = 1.0
        X_nf = torch.cat([X_nf, torch.as_tensor(rng.normal(size=(n, 3)))], dim=1)
    data = Data.of(X_nf, Z_nm, np.array([0.01, 0.1]), sees_mje)
    mean_p, sd_p = prior(features.n_groups, n_sources=n_sources)
    theta_mp = torch.as_tensor(mean_p + sd_p * rng.normal(size=(2, len(mean_p))))

    value_m, slope_mp = log_likelihood(theta_mp, data)

    theta_mp.requires_grad_()
    L_mnn = factor(theta_mp, data)
    half_mn1 = torch.linalg.solve_triangular(L_mnn, data.Z_mn[..., None], upper=False)
    log_det_m = torch.diagonal(L_mnn, dim1=1, dim2=2).log().sum(1)
    expected_m = -0.5 * half_mn1.square().sum((1, 2)) - log_det_m
    (expected_mp,) = torch.autograd.grad(expected_m.sum(), theta_mp)
    torch.testing.assert_close(value_m, expected_m.detach(), rtol=1e-8, atol=1e-8)
    torch.testing.assert_close(slope_mp, expected_mp, rtol=1e-5, atol=1e-5)
