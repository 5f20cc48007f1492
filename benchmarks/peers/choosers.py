"""How others choose the next runs of a finished table, each as its makers would by default.

A chooser is called as `mixatlas.propose.replay.Chooser` says; all fit the objective itself.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence

import botorch
import numpy as np
import optuna
import torch
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution, FloatDistribution
from optuna.trial import TrialState
from peers.regression import EPSILON, lightgbm_regmix

from mixatlas.propose.replay import Chooser, Pool

FloatArray = NDArray[np.float64]

optuna.logging.set_verbosity(optuna.logging.WARNING)


def lightgbm(pool: Pool, tried: Sequence[int], q: int, *, seed: int) -> Sequence[int]:
    """RegMix: take the best predictions. Trees predict many runs alike; luck decides on them."""
    rows = list(tried)
    untried = np.random.default_rng(seed).permutation(_untried(pool, tried))
    y_n1 = pool.objective_k[rows, None]
    predicted_k = lightgbm_regmix(pool.W_kd[rows], y_n1, pool.W_kd[untried])[:, 0]
    return [int(row) for row in untried[np.argsort(-predicted_k, kind="stable")[:q]]]


def gp_raw(pool: Pool, tried: Sequence[int], q: int, *, seed: int) -> Sequence[int]:
    """ADMIRE: expected improvement under BoTorch's default process on the weights as they are."""
    return _improving(pool, pool.W_kd, tried, q)


def gp_log(pool: Pool, tried: Sequence[int], q: int, *, seed: int) -> Sequence[int]:
    """Take the expected improvement under BoTorch's default process on log(w + ε)."""
    logits_kd = np.log(pool.W_kd + EPSILON)
    low, high = np.log(EPSILON), np.log(1 + EPSILON)
    return _improving(pool, (logits_kd - low) / (high - low), tried, q)


def tpe(pool: Pool, tried: Sequence[int], q: int, *, seed: int) -> Sequence[int]:
    """Let Optuna's default sampler suggest logits, and take the run nearest to their softmax.

    It is told the logits of the runs themselves, and those chosen before as running.
    """
    logits_kd = np.log(pool.W_kd + EPSILON)
    box = FloatDistribution(np.log(EPSILON), np.log(1 + EPSILON))
    boxes: dict[str, BaseDistribution] = dict.fromkeys(pool.domains, box)
    study = optuna.create_study(
        direction="maximize", sampler=optuna.samplers.TPESampler(seed=(seed + len(tried)) % 2**32)
    )

    def tell(row: int, state: TrialState, value: float | None) -> None:
        logits = np.clip(logits_kd[row], box.low, box.high)
        params = dict(zip(pool.domains, logits.tolist(), strict=True))
        study.add_trial(
            optuna.create_trial(state=state, value=value, params=params, distributions=boxes)
        )

    for row in tried:
        tell(row, TrialState.COMPLETE, float(pool.objective_k[row]))
    chosen: list[int] = []
    for _ in range(q):
        asked = study.ask(boxes)
        target_d = np.exp([asked.params[domain] for domain in pool.domains])
        target_d /= target_d.sum()
        untried = _untried(pool, [*tried, *chosen])
        nearest = np.abs(pool.W_kd[untried] - target_d).sum(axis=1).argmin()
        chosen.append(int(untried[nearest]))
        study.tell(asked, state=TrialState.FAIL)  # not what runs instead
        tell(chosen[-1], TrialState.RUNNING, None)
    return chosen


CHOOSERS: Mapping[str, Chooser] = {
    "lightgbm": lightgbm,
    "gp-raw": gp_raw,
    "gp-log": gp_log,
    "tpe": tpe,
}


def _untried(pool: Pool, tried: Sequence[int]) -> NDArray[np.int64]:
    return np.setdiff1d(np.arange(len(pool.W_kd)), list(tried))


def _improving(pool: Pool, X_kd: FloatArray, tried: Sequence[int], q: int) -> Sequence[int]:
    """Take the largest log expected improvement, one after the other, each at its mean from then.

    Inputs lie in the unit cube by the bounds of a weight: scaled by the runs tried, or by those of
    the pool, they find less.
    """
    X, rows = torch.as_tensor(X_kd), list(tried)
    y = torch.as_tensor(pool.objective_k[rows, None])
    untried = _untried(pool, tried)
    chosen: list[int] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = botorch.models.SingleTaskGP(X[rows], y)
        botorch.fit_gpytorch_mll(botorch.fit.ExactMarginalLogLikelihood(model.likelihood, model))
        while len(chosen) < q:
            improvement = botorch.acquisition.LogExpectedImprovement(model, best_f=y.max())
            with torch.no_grad():
                top = int(improvement(X[untried][:, None, :]).argmax())
                x = X[untried[[top]]]
                model = model.condition_on_observations(x, model.posterior(x).mean)
            chosen.append(int(untried[top]))
            untried = np.delete(untried, top)
    return chosen
