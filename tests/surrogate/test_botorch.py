"""BoTorch's acquisitions, samplers and optimisers see the posterior that we see."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from botorch.acquisition import (
    LogExpectedImprovement,
    UpperConfidenceBound,
    qKnowledgeGradient,
    qLogNoisyExpectedImprovement,
)
from botorch.acquisition.multi_objective import qNoisyExpectedHypervolumeImprovement
from botorch.acquisition.objective import ScalarizedPosteriorTransform
from botorch.generation import MaxPosteriorSampling
from botorch.optim import optimize_acqf
from botorch.posteriors.gpytorch import GPyTorchPosterior
from botorch.sampling.normal import SobolQMCNormalSampler

from mixatlas.propose.acquisition import log_improvement
from mixatlas.surrogate.botorch import MixtureModel, as_model
from mixatlas.surrogate.gp import Data, Processes
from mixatlas.surrogate.table import TablePosterior, learn_table
from mixatlas.surrogate.threads import single_thread

RNG = np.random.default_rng(0)
DOMAINS = ("photo.ocr", "photo.vqa", "chart.ocr", "chart.vqa")
W_nd = RNG.dirichlet(np.ones(4), size=14)
Y_nm = np.column_stack([np.sqrt(W_nd[:, 0]), 40 - 9 * W_nd[:, 1] ** 2])
Y_nm += np.array([0.05, 0.5]) * RNG.normal(size=Y_nm.shape)
Y_nm[3, 1] = np.nan
V_bqd = RNG.dirichlet(np.ones(4), size=(5, 3))
FIRST, SECOND = (torch.tensor(w, dtype=torch.float64) for w in ([1.0, 0.0], [0.0, 1.0]))


@pytest.fixture(scope="module")
def table() -> TablePosterior:
    return learn_table(DOMAINS, W_nd, Y_nm)


@pytest.fixture
def model(table: TablePosterior) -> MixtureModel:
    return as_model(table)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    with single_thread():
        yield


def tensor(values: np.ndarray) -> torch.Tensor:
    return torch.as_tensor(values)


def first_of(table: TablePosterior) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and sd (b,) of the first metric, noise aside, at the first of each batch."""
    mean_qm, variance_qm = table.processes.marginals(V_bqd[:, 0])
    mean_qm, sd_qm = (
        table.shift_m + table.spread_m * mean_qm,
        table.spread_m * variance_qm**0.5,
    )
    return mean_qm[:, 0], sd_qm[:, 0]


# --- the posterior -----------------------------------------------------------------------------


def test_means_and_variances_of_measurements_are_those_of_predict(
    table: TablePosterior, model: MixtureModel
) -> None:
    mean_qm, sd_qm = table.predict(V_bqd.reshape(-1, 4))
    found = model.posterior(tensor(V_bqd), observation_noise=True)
    assert found.mean.shape == (5, 3, 2)
    np.testing.assert_allclose(found.mean.reshape(-1, 2), mean_qm, rtol=1e-12)
    np.testing.assert_allclose(found.variance.reshape(-1, 2), sd_qm**2, rtol=1e-9)
    variances = tensor(np.array([0.3, 2.0]))
    given = model.posterior(tensor(V_bqd), observation_noise=variances)
    bare = model.posterior(tensor(V_bqd))
    np.testing.assert_allclose(given.variance, bare.variance + variances)


def test_mixtures_of_one_batch_are_joint_and_metrics_independent(
    table: TablePosterior, model: MixtureModel
) -> None:
    covariance = model.posterior(tensor(V_bqd)).distribution.covariance_matrix
    for b, V_qd in enumerate(V_bqd):
        _, C_mqq = table.processes.joint(V_qd)
        for m in range(2):
            # Metric after metric, each with its three mixtures.
            own = covariance[b, 3 * m : 3 * m + 3, 3 * m : 3 * m + 3]
            np.testing.assert_allclose(own, C_mqq[m] * table.spread_m[m] ** 2, rtol=1e-9)
        assert not covariance[b, :3, 3:].any()


def test_draws_have_the_moments_of_the_posterior(model: MixtureModel) -> None:
    found = model.posterior(tensor(V_bqd))
    drawn = found.rsample(torch.Size([4000]))
    assert drawn.shape == (4000, 5, 3, 2)
    sd = found.variance.sqrt()
    np.testing.assert_allclose((drawn.mean(0) - found.mean) / sd, 0.0, atol=0.08)
    np.testing.assert_allclose(drawn.std(0) / sd, 1.0, atol=0.06)


def test_outputs_are_chosen_and_transformed(model: MixtureModel) -> None:
    both = model.posterior(tensor(V_bqd))
    second = model.posterior(tensor(V_bqd), output_indices=[1])
    np.testing.assert_allclose(second.mean, both.mean[..., 1:])
    weights = tensor(np.array([2.0, -1.0]))
    summed = model.posterior(
        tensor(V_bqd), posterior_transform=ScalarizedPosteriorTransform(weights)
    )
    np.testing.assert_allclose(summed.mean, both.mean @ weights[:, None])
    np.testing.assert_allclose(summed.variance, both.variance @ weights[:, None] ** 2)


def test_batches_of_batches_are_those_of_each(model: MixtureModel) -> None:
    assert (model.num_outputs, model.batch_shape) == (2, torch.Size())
    nested = model.posterior(tensor(V_bqd[None, :, None]))
    assert nested.mean.shape == (1, 5, 1, 3, 2)
    flat = model.posterior(tensor(V_bqd))
    np.testing.assert_allclose(nested.mean[0, :, 0], flat.mean, rtol=1e-12)
    np.testing.assert_allclose(nested.variance[0, :, 0], flat.variance, rtol=1e-9)


def test_gradients_are_slopes(model: MixtureModel) -> None:
    def moments(X: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        found: GPyTorchPosterior = model.posterior(X)
        return found.mean, found.variance

    inside = tensor(0.5 / 4 + 0.5 * V_bqd[:2])
    assert torch.autograd.gradcheck(moments, (inside.requires_grad_(),), atol=1e-6)


def test_gradients_are_finite_where_weights_are_zero(model: MixtureModel) -> None:
    corner = tensor(np.eye(4)[:, None]).requires_grad_()
    found = model.posterior(corner)
    (found.mean.sum() + found.variance.sum()).backward()
    assert torch.isfinite(corner.grad).all()


# --- further observations ----------------------------------------------------------------------


def test_conditioning_is_learning_from_more_rows(
    table: TablePosterior, model: MixtureModel
) -> None:
    more_pd, more_pm = RNG.dirichlet(np.ones(4), size=2), np.array([[0.4, 38.0], [0.9, 33.0]])
    Z_nm = (np.vstack([Y_nm, more_pm]) - table.shift_m) / table.spread_m
    old = table.processes
    expected = Processes.conditioned(
        old.features,
        theta_mp=old.theta_mp,
        data=Data.of(old.features(np.vstack([W_nd, more_pd])), Z_nm, np.zeros(2)),
    )
    mean_mq, C_mqq = expected.joint(V_bqd[0])
    at_once = model.condition_on_observations(tensor(more_pd), tensor(more_pm))
    one_by_one = model.condition_on_observations(tensor(more_pd[:1]), tensor(more_pm[:1]))
    one_by_one = one_by_one.condition_on_observations(tensor(more_pd[1:]), tensor(more_pm[1:]))
    for conditioned in (at_once, one_by_one):
        found = conditioned.posterior(tensor(V_bqd[0]))
        np.testing.assert_allclose(
            found.mean, table.shift_m + table.spread_m * mean_mq.T, rtol=1e-7
        )
        variance_qm = np.einsum("mqq->qm", C_mqq) * table.spread_m**2
        np.testing.assert_allclose(found.variance, variance_qm, rtol=1e-6)


def test_fantasies_are_batches_that_agree_on_average(model: MixtureModel) -> None:
    sampler = SobolQMCNormalSampler(torch.Size([64]), seed=1)
    fantasies = model.fantasize(tensor(V_bqd[:, :1]), sampler)
    assert fantasies.batch_shape == (64, 5)
    before, after = (m.posterior(tensor(V_bqd[:, :1])) for m in (model, fantasies))
    assert after.mean.shape == (64, 5, 1, 2)
    np.testing.assert_allclose(after.mean.mean(0), before.mean, atol=0.05 * Y_nm[0].max() / 40)
    assert (after.variance < before.variance).all()
    exact = model.fantasize(tensor(V_bqd[:, :1]), sampler, observation_noise=torch.zeros(1, 2))
    assert (exact.posterior(tensor(V_bqd[:, :1])).variance < 0.01 * before.variance).all()


# --- acquisitions ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sds_beyond", "error"),
    [
        pytest.param(0.0, 1e-9, id="above the best"),
        # Ours is the leading term there.
        pytest.param(20.0, 0.01, id="far below the best"),
    ],
)
def test_log_expected_improvement_is_ours(
    table: TablePosterior, model: MixtureModel, sds_beyond: float, error: float
) -> None:
    mean_b, sd_b = first_of(table)
    best = mean_b.min() + sds_beyond * sd_b.max()
    gain = LogExpectedImprovement(
        model, best_f=best, posterior_transform=ScalarizedPosteriorTransform(FIRST)
    )
    ours_b = np.log(sd_b) + log_improvement((mean_b - best) / sd_b)
    np.testing.assert_allclose(gain(tensor(V_bqd[:, :1])), ours_b, rtol=error)


def test_the_upper_confidence_bound_is_mean_plus_sds(
    table: TablePosterior, model: MixtureModel
) -> None:
    mean_b, sd_b = first_of(table)
    bound = UpperConfidenceBound(
        model, beta=4.0, posterior_transform=ScalarizedPosteriorTransform(FIRST)
    )
    np.testing.assert_allclose(bound(tensor(V_bqd[:, :1])), mean_b + 2 * sd_b)


def our_draws(table: TablePosterior, W_qd: np.ndarray, n: int = 20000) -> np.ndarray:
    """Return joint draws (n, q, m) of the metrics."""
    mean_mq, C_mqq = table.processes.joint(W_qd)
    rng = np.random.default_rng(7)
    drawn = [
        rng.multivariate_normal(mean_q, C_qq, size=n)
        for mean_q, C_qq in zip(mean_mq, C_mqq, strict=True)
    ]
    return table.shift_m + table.spread_m * np.stack(drawn, axis=-1)


def test_noisy_expected_improvement_is_that_of_joint_draws(
    table: TablePosterior, model: MixtureModel
) -> None:
    gain = qLogNoisyExpectedImprovement(
        model,
        tensor(W_nd),
        sampler=SobolQMCNormalSampler(torch.Size([512]), seed=1),
        posterior_transform=ScalarizedPosteriorTransform(SECOND),
        prune_baseline=True,
    )
    corner = np.array([[0.0, 0.0, 0.0, 1.0]])
    Y_kq = our_draws(table, np.vstack([W_nd, corner]))[..., 1]
    expected = np.maximum(Y_kq[:, -1] - Y_kq[:, :-1].max(axis=1), 0).mean()
    assert gain(tensor(corner[None])).exp().item() == pytest.approx(expected, rel=0.1)


def test_noisy_hypervolume_improvement_is_that_of_joint_draws(
    table: TablePosterior, model: MixtureModel
) -> None:
    baseline, point = W_nd[:1], np.array([[0.7, 0.0, 0.0, 0.3]])
    reference = np.array([0.0, 30.0])
    Y_kqm = np.maximum(our_draws(table, np.vstack([baseline, point])) - reference, 0.0)
    one, other = Y_kqm[:, 0], Y_kqm[:, 1]
    gained = other.prod(axis=1) - np.minimum(one, other).prod(axis=1)
    acquisition = qNoisyExpectedHypervolumeImprovement(
        model,
        reference.tolist(),
        tensor(baseline),
        sampler=SobolQMCNormalSampler(torch.Size([512]), seed=1),
    )
    assert acquisition(tensor(point[None])).item() == pytest.approx(gained.mean(), rel=0.03)


def test_thompson_sampling_takes_likely_maxima_of_the_metric(
    table: TablePosterior, model: MixtureModel
) -> None:
    pool = np.vstack([np.eye(4), np.full((1, 4), 0.25)])
    best_k = our_draws(table, pool)[..., 0].argmax(axis=1)
    torch.manual_seed(3)
    drawn = MaxPosteriorSampling(
        model, posterior_transform=ScalarizedPosteriorTransform(FIRST), replacement=True
    )(tensor(pool), num_samples=400)
    for corner, row in enumerate(pool):
        share = (drawn.numpy() == row).all(axis=1).mean()
        assert share == pytest.approx((best_k == corner).mean(), abs=0.07)


def test_optimize_acqf_climbs_on_the_simplex(model: MixtureModel) -> None:
    bound = UpperConfidenceBound(
        model, beta=1.0, posterior_transform=ScalarizedPosteriorTransform(FIRST)
    )
    torch.manual_seed(0)
    found, value = optimize_acqf(
        bound,
        bounds=torch.stack([torch.zeros(4), torch.ones(4)]).double(),
        q=1,
        num_restarts=2,
        raw_samples=16,
        equality_constraints=[(torch.arange(4), torch.ones(4).double(), 1.0)],
        options={"maxiter": 30},
    )
    assert found.sum().item() == pytest.approx(1.0, abs=1e-6)
    assert (found >= 0).all()
    anywhere = tensor(np.random.default_rng(5).dirichlet(np.ones(4), size=(2000, 1)))
    assert value > bound(anywhere).max() - 1e-3


def test_the_knowledge_gradient_looks_ahead(model: MixtureModel) -> None:
    gradient = qKnowledgeGradient(
        model,
        num_fantasies=4,
        posterior_transform=ScalarizedPosteriorTransform(FIRST),
        sampler=SobolQMCNormalSampler(torch.Size([4]), seed=1),
    )
    point = V_bqd[0, :1]
    values = gradient(tensor(np.vstack([point, *np.repeat(V_bqd[1, :1], 4, axis=0)])[None]))
    assert values.shape == (1,)
    assert torch.isfinite(values).all()
