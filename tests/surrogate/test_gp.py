"""Exact Gaussian processes against their textbook formulas."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mixatlas.surrogate.features import Features
from mixatlas.surrogate.gp import Data, Processes
from mixatlas.surrogate.kernel import RESIDUAL, Kernel, prior

RNG = np.random.default_rng(0)
W_nd = RNG.dirichlet(np.ones(3), size=8)
FEATURES = Features.over(("a", "b", "c"), W_nd)
Z_nm = RNG.normal(size=(8, 2))
NOISE_M = np.array([0.05, 0.2])
MEAN_P, SD_P = prior(3)
THETA_MP = torch.as_tensor(MEAN_P + 0.5 * SD_P * RNG.normal(size=(2, len(MEAN_P))))
THETA_MP[:, RESIDUAL] = torch.log(torch.tensor([0.1, 0.3], dtype=torch.float64))


def processes(Z: np.ndarray = Z_nm, rows: slice = slice(None)) -> Processes:
    X_nf = FEATURES(W_nd[rows])
    return Processes.conditioned(FEATURES, theta_mp=THETA_MP, data=Data.of(X_nf, Z[rows], NOISE_M))


def test_marginals_are_the_conditional_normal() -> None:
    V_qd = RNG.dirichlet(np.ones(3), size=4)
    mean_qm, variance_qm = processes().marginals(V_qd)
    X, Q = FEATURES(W_nd), FEATURES(V_qd)
    for m in range(2):
        kernel = Kernel.of(THETA_MP[m : m + 1])
        K = kernel(X, X)[0].numpy()
        K += np.eye(8) * (NOISE_M[m] + np.exp(THETA_MP[m, RESIDUAL].item()) + 1e-6)
        k = kernel(Q, X)[0].numpy()
        np.testing.assert_allclose(mean_qm[:, m], k @ np.linalg.solve(K, Z_nm[:, m]))
        expected = kernel.diagonal(Q)[0].numpy() - np.einsum("qn,nq->q", k, np.linalg.solve(K, k.T))
        np.testing.assert_allclose(variance_qm[:, m], expected)


def test_joint_and_cross_covariance_agree_with_marginals() -> None:
    V_qd = RNG.dirichlet(np.ones(3), size=3)
    mean_qm, variance_qm = processes().marginals(V_qd)
    mean_mq, C_mqq = processes().joint(V_qd)
    np.testing.assert_allclose(mean_mq.T, mean_qm)
    np.testing.assert_allclose(np.einsum("mqq->qm", C_mqq), variance_qm)
    np.testing.assert_allclose(processes().covariance_with(V_qd, V_qd[1]), C_mqq[:, :, 1].T)


def test_a_missing_score_is_as_good_as_a_missing_trial() -> None:
    holed = Z_nm.copy()
    holed[-1, 0] = np.nan
    V_qd = RNG.dirichlet(np.ones(3), size=3)
    with_hole, without = processes(holed), processes(rows=slice(0, 7))
    np.testing.assert_allclose(
        with_hole.marginals(V_qd)[0][:, 0], without.marginals(V_qd)[0][:, 0], rtol=1e-5, atol=1e-7
    )


@pytest.mark.parametrize("rows", [[3], [2, 5]], ids=["one trial", "replicates"])
def test_leave_out_is_a_prediction_from_the_other_trials(rows: list[int]) -> None:
    kept = [i for i in range(8) if i not in rows]
    X = FEATURES(W_nd[kept])
    others = Processes.conditioned(
        FEATURES, theta_mp=THETA_MP, data=Data.of(X, Z_nm[kept], NOISE_M)
    )
    mean_mq, C_mqq = others.joint(W_nd[rows])
    mean_gm, variance_gm, noise_gm = processes().leave_out([[0], rows])
    np.testing.assert_allclose(mean_gm[1], mean_mq.mean(axis=1))
    np.testing.assert_allclose(variance_gm[1], C_mqq.mean(axis=(1, 2)))
    np.testing.assert_allclose(noise_gm[1], NOISE_M / len(rows))


def test_observing_at_the_mean_moves_no_mean_and_shrinks_the_variance_there() -> None:
    before = processes()
    pending = np.array([[0.2, 0.3, 0.5]])
    after = before.observing(pending)
    V_qd = np.vstack([pending, RNG.dirichlet(np.ones(3), size=3)])
    np.testing.assert_allclose(after.marginals(V_qd)[0], before.marginals(V_qd)[0], atol=1e-8)
    assert (after.marginals(pending)[1] < 0.9 * before.marginals(pending)[1]).all()


def test_pending_trials_join_as_if_they_had_been_there_all_along() -> None:
    pending = np.array([[0.2, 0.3, 0.5], [0.6, 0.3, 0.1]])
    before = processes()
    Z_mixed = np.vstack([Z_nm, before.marginals(pending)[0]])
    X_nf = FEATURES(np.vstack([W_nd, pending]))
    made_again = Processes.conditioned(
        FEATURES, theta_mp=THETA_MP, data=Data.of(X_nf, Z_mixed, NOISE_M)
    )
    V_qd = RNG.dirichlet(np.ones(3), size=3)
    for grown, again in zip(
        before.observing(pending).marginals(V_qd), made_again.marginals(V_qd), strict=True
    ):
        np.testing.assert_allclose(grown, again, rtol=1e-7, atol=1e-9)


def test_near_mixtures_the_stand_in_is_right_to_first_order() -> None:
    exact = processes()
    W_sd = np.array([[0.2, 0.3, 0.5], [0.6, 0.3, 0.1]])
    stand_in = exact.near(W_sd)
    for step in (0.0, 1e-5):
        moves_kd = step * np.array([[1.0, -1.0, 0.0], [0.0, 1.0, -1.0]])
        moved_kd = (W_sd[:, None] + moves_kd).reshape(-1, 3)
        for cheap, true in zip(
            stand_in.marginals(moved_kd), exact.marginals(moved_kd), strict=True
        ):
            np.testing.assert_allclose(cheap, true, rtol=1e-6)
