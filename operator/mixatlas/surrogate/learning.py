"""From a history to the objective's posterior: warp, fit, and the check of its intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mixatlas.contract.errors import FitFailed, HistoryMismatch
from mixatlas.contract.mixture import Mixture
from mixatlas.ledger.history import History
from mixatlas.ledger.records import ObjectiveRecord
from mixatlas.objective.scale import Scale
from mixatlas.surrogate.calibration import LeftOut, choose, reach
from mixatlas.surrogate.evidence import Evidence
from mixatlas.surrogate.feasibility import Divergence, MaxDrop
from mixatlas.surrogate.features import EPSILON, Features
from mixatlas.surrogate.fit import (
    FEW_STEPS,
    Hyperparameters,
    fit,
    hyperparameters,
    powered,
    start_from,
)
from mixatlas.surrogate.posterior import ObjectivePosterior
from mixatlas.surrogate.power import OF_ANY, OF_KNOWN
from mixatlas.surrogate.threads import single_thread
from mixatlas.surrogate.warp import Warp, latent_noise_sd

FloatArray = NDArray[np.float64]

WIDEST = 8.0
"""Largest widening: beyond it the surrogate is of no use, and wider would not say it better."""
N_HALVINGS = 20


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
            errors are, what the fit leaves unexplained counts as noise, and a metric may be of any
            kind.

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
        processes = fit(
            W_nd,
            warp.standardised(Y_nm),
            noise_m=known_nm / warp.spread_m**2,
            features=features,
            warm_start=start_from(warm_start, scale.names, features.n_groups, n_sources),
            most_steps=FEW_STEPS,
        )
        power_sd = OF_KNOWN if is_noise_known else OF_ANY
        fitted, power = powered(processes, power_sd=power_sd)
        warp = replace(warp, power=power)
        processes, left_out = choose(fitted, _numbered(history, order_n))
        if not is_noise_known:
            processes = processes.taking_residual_for_noise()
            left_out = None if left_out is None else left_out.taking_residual_for_noise()
    widening_c = np.ones(1 + len(scale.names))
    if left_out is not None:
        widening_c = _widening(left_out, warp, scale)
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
        hyperparameters=hyperparameters(fitted, scale.names),
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


def _numbered(history: History, order_n: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return which distinct mixture each row has, -1 where not all benchmarks are measured."""
    numbers: dict[Mixture, int] = {}
    return np.array(
        [
            numbers.setdefault(history.mixtures[row], len(numbers))
            if np.isfinite(history.Y_nm[row]).all()
            else -1
            for row in order_n
        ]
    )


def _widening(left_out: LeftOut, warp: Warp, scale: Scale) -> FloatArray:
    """Return by how much the sd of true values must grow, (c,): objective, then benchmarks.

    It is the ratio r >= 1 at which √(r² · true + noise) is as far as misses reach (see `reach`).
    The learnt residual is not taken for noise: what neither the process nor the seeds explain is
    doubt about the true value.
    """
    # Row 0 makes the objective of the scores, the others are the scores themselves.
    L_cm = np.vstack([scale.slopes_m, np.eye(len(scale.names))])
    mean_nm, true_nm = warp.moments(left_out.mean_nm, left_out.variance_nm)
    _, seen_nm = warp.moments(left_out.mean_nm, left_out.variance_nm + left_out.known_nm)
    miss_nc = (warp.scores(left_out.seen_nm) - mean_nm) @ L_cm.T
    true_nc, noise_nc = true_nm @ L_cm.T**2, (seen_nm - true_nm) @ L_cm.T**2
    low_c, high_c = np.ones(len(L_cm)), np.full(len(L_cm), WIDEST)
    for _ in range(N_HALVINGS):
        middle_c = (low_c + high_c) / 2
        is_short_c = reach(miss_nc / np.sqrt(middle_c**2 * true_nc + noise_nc)) > 1
        low_c, high_c = (
            np.where(is_short_c, middle_c, low_c),
            np.where(is_short_c, high_c, middle_c),
        )
    return low_c
