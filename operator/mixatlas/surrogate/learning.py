"""From a history to the objective's posterior: warp, fit, and the check of its intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mixatlas.contract.errors import FitFailed, HistoryMismatch
from mixatlas.contract.mixture import Mixture
from mixatlas.ledger.history import History
from mixatlas.ledger.records import ObjectiveRecord
from mixatlas.objective.scale import Scale
from mixatlas.surrogate.evidence import Evidence
from mixatlas.surrogate.feasibility import Divergence, MaxDrop
from mixatlas.surrogate.features import EPSILON, Features
from mixatlas.surrogate.fit import Hyperparameters, fit, start_from
from mixatlas.surrogate.gp import Processes
from mixatlas.surrogate.posterior import ObjectivePosterior
from mixatlas.surrogate.threads import single_thread
from mixatlas.surrogate.warp import Warp, latent_noise_sd

FloatArray = NDArray[np.float64]

WIDEST = 8.0
"""Largest widening: beyond it the surrogate is of no use, and wider would not say it better."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Learned:
    """A posterior with what to store of it.

    Args:
        posterior: Of the objective.
        hyperparameters: For the round's record; the next fit may start from them.
        order_n: Rows of the history that carry scores, ordered by trial number.
    """

    posterior: ObjectivePosterior
    hyperparameters: dict[str, tuple[float, ...]]
    order_n: NDArray[np.int64]


def learn(
    history: History,
    record: ObjectiveRecord,
    *,
    constraints: Sequence[MaxDrop] = (),
    least_epsilon: float = EPSILON,
    warm_start: Hyperparameters | None = None,
    is_noise_known: bool = True,
) -> Learned:
    """Fit the surrogate to all trials that carry scores.

    Args:
        history: Finished trials in any order; rows are sorted by trial number first, so that the
            order cannot matter. Runs of elsewhere count as much as they are found to be of use.
        record: The fixed objective, with the seed noise of each score.
        constraints: Drops that are not allowed.
        least_epsilon: Lower bound of the log-warp's ε: the longest sample's tokens over a
            trial's budget.
        warm_start: The last round's hyper-parameters.
        is_noise_known: Otherwise the record's seed noise is not looked at: the history's standard
            errors are, and what the fit leaves unexplained counts as noise.

    Returns:
        The posterior; the same arguments give the same one.

    Raises:
        HistoryMismatch: The history's benchmarks, or a constraint's, are not the record's.
        FitFailed: A benchmark has no score at all, or the numbers fail.

    Cost:
        O(n³ m) a step of the fit, at most a hundred steps (see `fit`).
    """
    scale = _checked_scale(history, record, constraints)
    noise_sd_m = _latent_noise(record, scale) if is_noise_known else np.zeros(len(scale.names))
    order_n = _scored_rows(history)
    W_nd, Y_nm = history.W_nd[order_n], history.Y_nm[order_n]
    if not len(order_n) or not np.isfinite(Y_nm).any(axis=0).all():
        raise FitFailed("a benchmark has no score yet", hint="Finish trials of the design first.")
    sem_nm = np.zeros_like(Y_nm) if is_noise_known else np.sqrt(history.V_nm[order_n])
    warp = Warp.fitted(scale, Y_nm, least_spread_m=np.maximum(noise_sd_m, 1e-9), sem_nm=sem_nm)
    known_nm = noise_sd_m**2 + latent_noise_sd(scale, sem_nm, Y_nm) ** 2
    with single_thread():
        evidence = Evidence.over(history.evidence, scale.names, W_nd)
        features = Features.over(
            history.domains, W_nd, epsilon=max(EPSILON, least_epsilon), evidence=evidence
        )
        n_sources = 0 if evidence is None else len(evidence.sources)
        fitted = fit(
            W_nd,
            warp.standardised(Y_nm),
            noise_m=known_nm / warp.spread_m**2,
            features=features,
            warm_start=start_from(warm_start, scale.names, features.n_groups, n_sources),
        )
        processes = fitted.processes
        if not is_noise_known:
            processes = processes.taking_residual_for_noise()
        left_out = _leave_one_out(
            processes, warp, scale, Y_nm=Y_nm, groups=_groups(history, order_n)
        )
    widening_c = left_out.widening()
    diverged = sorted(np.flatnonzero(history.diverged_n), key=lambda row: history.trials[row])
    return Learned(
        posterior=ObjectivePosterior(
            processes=processes,
            warp=warp,
            scale=scale,
            widening=float(widening_c[0]),
            widening_m=widening_c[1:],
            constraints=tuple(constraints),
            divergence=Divergence.seen(history.W_nd[diverged], W_nd),
        ),
        hyperparameters=fitted.hyperparameters(scale.names),
        order_n=order_n,
    )


def _checked_scale(
    history: History, record: ObjectiveRecord, constraints: Sequence[MaxDrop]
) -> Scale:
    scale = Scale.of_record(record)
    hint = f"The objective was fixed with {list(scale.names)}."
    if history.benchmarks != scale.names:
        raise HistoryMismatch(f"the history has benchmarks {list(history.benchmarks)}", hint=hint)
    for constraint in constraints:
        if constraint.benchmark not in scale.names:
            raise HistoryMismatch(
                f"constraint on {constraint.benchmark!r}: no such benchmark", hint=hint
            )
    return scale


def _scored_rows(history: History) -> NDArray[np.int64]:
    """Return rows with any score, by trial number. Diverged trials have none."""
    scored = np.isfinite(history.Y_nm).any(axis=1) & ~history.diverged_n
    return np.array(
        sorted(np.flatnonzero(scored), key=lambda row: history.trials[row]), dtype=np.int64
    )


def _latent_noise(record: ObjectiveRecord, scale: Scale) -> FloatArray:
    level_m = np.array([record.means[name] for name in scale.names])
    sd_m = latent_noise_sd(scale, np.array([record.seed_sd[name] for name in scale.names]), level_m)
    if not np.isfinite(sd_m).all():
        raise FitFailed("the seed noise is not finite", hint="Look at `seedSd` in objective.json.")
    return sd_m


def _groups(history: History, order_n: NDArray[np.int64]) -> list[list[int]]:
    """Return, per mixture, its positions in `order_n` where all benchmarks are measured."""
    groups: dict[Mixture, list[int]] = {}
    for position, row in enumerate(order_n):
        if np.isfinite(history.Y_nm[row]).all():
            groups.setdefault(history.mixtures[row], []).append(position)
    return list(groups.values())


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _LeftOut:
    """Mixtures predicted from all others: columns are the objective, then the benchmarks.

    Args:
        miss_gc: Seen minus predicted.
        true_gc: Predicted variance of the true value.
        noise_gc: Known noise variance of what was seen.
    """

    miss_gc: FloatArray
    true_gc: FloatArray
    noise_gc: FloatArray

    def widening(self) -> FloatArray:
        """Return by how much the sd of true values must grow, (c,), at least 1.

        It is the ratio at which squared misses over (ratio² · true + noise) have mean 1. The
        learnt residual is not taken for noise: what neither the process nor the seeds explain is
        doubt about the true value.
        """
        if not len(self.miss_gc):
            return np.ones(self.miss_gc.shape[1])
        low_c, high_c = np.ones(self.miss_gc.shape[1]), np.full(self.miss_gc.shape[1], WIDEST)
        for _ in range(40):
            middle_c = (low_c + high_c) / 2
            square_c = (self.miss_gc**2 / (middle_c**2 * self.true_gc + self.noise_gc)).mean(axis=0)
            low_c = np.where(square_c > 1, middle_c, low_c)
            high_c = np.where(square_c > 1, high_c, middle_c)
        return low_c


def _leave_one_out(
    processes: Processes,
    warp: Warp,
    scale: Scale,
    *,
    Y_nm: FloatArray,
    groups: Sequence[Sequence[int]],
) -> _LeftOut:
    """Predict every mixture from the others.

    A mixture's replicates are left out together: a twin that stays would predict the rest, and
    the residual would show the seed noise alone.
    """
    # Row 0 makes the objective of the scores, the others are the scores themselves.
    L_cm = np.vstack([scale.slopes_m, np.eye(len(scale.names))])
    latent_gm, variance_gm, known_gm = processes.leave_out(groups)
    mean_gm, true_gm = warp.moments(latent_gm, variance_gm)
    _, seen_gm = warp.moments(latent_gm, variance_gm + known_gm)
    measured_gm = np.array([Y_nm[list(group)].mean(axis=0) for group in groups])
    return _LeftOut(
        miss_gc=(measured_gm.reshape(mean_gm.shape) - mean_gm) @ L_cm.T,
        true_gc=true_gm @ L_cm.T**2,
        noise_gc=(seen_gm - true_gm) @ L_cm.T**2,
    )
