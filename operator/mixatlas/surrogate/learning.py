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
from mixatlas.surrogate.feasibility import Divergence, MaxDrop
from mixatlas.surrogate.features import Features
from mixatlas.surrogate.fit import EPSILONS, Hyperparameters, fit, starts_from
from mixatlas.surrogate.gp import Processes
from mixatlas.surrogate.posterior import ObjectivePosterior
from mixatlas.surrogate.threads import single_thread
from mixatlas.surrogate.warp import Warp, latent_noise_sd

FloatArray = NDArray[np.float64]


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
    least_epsilon: float = EPSILONS[0],
    warm_start: Hyperparameters | None = None,
) -> Learned:
    """Fit the surrogate to all trials that carry scores.

    Args:
        history: Finished trials in any order; rows are sorted by trial number first, so that the
            order cannot matter.
        record: The fixed objective, with the seed noise of each score.
        constraints: Drops that are not allowed.
        least_epsilon: Lower bound of the log-warp's ε: the longest sample's tokens over a
            trial's budget. ε is chosen in [least_epsilon, 0.05].
        warm_start: The last round's hyper-parameters.

    Returns:
        The posterior; the same arguments give the same one.

    Raises:
        HistoryMismatch: The history's benchmarks, or a constraint's, are not the record's.
        FitFailed: A benchmark has no score at all, or the numbers fail.

    Cost:
        O(n³ m) a step of the fit, about a hundred steps for each of up to 3 values of ε.
    """
    scale = Scale.of_record(record)
    if history.benchmarks != scale.names:
        raise HistoryMismatch(
            f"the history has benchmarks {list(history.benchmarks)}",
            hint=f"The objective was fixed with {list(scale.names)}.",
        )
    for constraint in constraints:
        if constraint.benchmark not in scale.names:
            raise HistoryMismatch(
                f"constraint on {constraint.benchmark!r}: no such benchmark",
                hint=f"The objective was fixed with {list(scale.names)}.",
            )
    order_n = _scored_rows(history)
    W_nd, Y_nm = history.W_nd[order_n], history.Y_nm[order_n]
    if not len(order_n) or not np.isfinite(Y_nm).any(axis=0).all():
        raise FitFailed("a benchmark has no score yet", hint="Finish trials of the design first.")
    noise_sd_m = _latent_noise(record, scale)
    if not np.isfinite(noise_sd_m).all():
        raise FitFailed("the seed noise is not finite", hint="Look at `seedSd` in objective.json.")
    warp = Warp.fitted(scale, Y_nm, least_spread_m=np.maximum(noise_sd_m, 1e-9))
    starts, stored = starts_from(warm_start, scale.names)
    epsilons = {min(max(value, least_epsilon), EPSILONS[-1]) for value in (*EPSILONS, stored or 0)}
    with single_thread():
        fitted = fit(
            W_nd,
            warp.standardised(Y_nm),
            noise_m=(noise_sd_m / warp.spread_m) ** 2,
            candidates=[
                Features.on(history.domains, epsilon=epsilon) for epsilon in sorted(epsilons)
            ],
            starts=starts,
        )
        residuals = _leave_one_out(
            fitted.processes, warp, scale, Y_nm=Y_nm, groups=_groups(history, order_n)
        )
    diverged = sorted(np.flatnonzero(history.diverged_n), key=lambda row: history.trials[row])
    return Learned(
        posterior=ObjectivePosterior(
            processes=fitted.processes,
            warp=warp,
            scale=scale,
            widening=_ratio(residuals[:, 0]),
            widening_m=np.array([_ratio(column) for column in residuals[:, 1:].T]),
            constraints=tuple(constraints),
            divergence=Divergence.seen(history.W_nd[diverged], W_nd),
        ),
        hyperparameters=fitted.hyperparameters(scale.names),
        order_n=order_n,
    )


def _scored_rows(history: History) -> NDArray[np.int64]:
    """Return rows with any score, by trial number. Diverged trials have none."""
    scored = np.isfinite(history.Y_nm).any(axis=1) & ~history.diverged_n
    return np.array(
        sorted(np.flatnonzero(scored), key=lambda row: history.trials[row]), dtype=np.int64
    )


def _latent_noise(record: ObjectiveRecord, scale: Scale) -> FloatArray:
    level_m = np.array([record.means[name] for name in scale.names])
    return latent_noise_sd(scale, np.array([record.seed_sd[name] for name in scale.names]), level_m)


def _groups(history: History, order_n: NDArray[np.int64]) -> list[list[int]]:
    """Return, per mixture, its positions in `order_n` where all benchmarks are measured."""
    groups: dict[Mixture, list[int]] = {}
    for position, row in enumerate(order_n):
        if np.isfinite(history.Y_nm[row]).all():
            groups.setdefault(history.mixtures[row], []).append(position)
    return list(groups.values())


def _leave_one_out(
    processes: Processes,
    warp: Warp,
    scale: Scale,
    *,
    Y_nm: FloatArray,
    groups: Sequence[Sequence[int]],
) -> FloatArray:
    """Return residuals over their predicted sd, (g, 1 + m): the objective's, the benchmarks'.

    A mixture's replicates are left out together: a twin that stays would predict the rest, and
    the residual would show the seed noise alone.
    """
    rows = []
    for group in groups:
        mean_m, variance_m = warp.moments(*processes.leave_out(group))
        seen_m = Y_nm[list(group)].mean(axis=0)
        miss = float(scale.objective(seen_m) - scale.offset - mean_m @ scale.slopes_m)
        sd = float(np.sqrt(variance_m @ scale.slopes_m**2))
        rows.append([miss / sd, *((seen_m - mean_m) / np.sqrt(variance_m))])
    return np.array(rows).reshape(len(groups), 1 + len(scale.names))


def _ratio(residuals: FloatArray) -> float:
    """Return by how much an sd is too small, at least 1."""
    if not len(residuals):
        return 1.0
    return max(1.0, float(np.sqrt((residuals**2).mean())))
