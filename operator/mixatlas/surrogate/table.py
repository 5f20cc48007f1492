"""From a table of finished runs to a posterior of its metrics: no search, no direction.

Notation: n runs, q mixtures, d domains, m metrics.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mixatlas.surrogate.calibration import choose
from mixatlas.surrogate.features import Features
from mixatlas.surrogate.fit import fit
from mixatlas.surrogate.gp import Processes
from mixatlas.surrogate.threads import single_thread
from mixatlas.surrogate.warp import centre

FloatArray = NDArray[np.float64]

MOST_ASKED = 8
"""Metrics that left-out runs are asked about: a table may have hundreds."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TablePosterior:
    """What is believed of every mixture's metrics.

    Args:
        processes: In standardised metrics.
        groups: Rows of each distinct mixture.
        shift_m: Mean of the measured values.
        spread_m: Their sd, positive.
        widening: Multiplies every sd of a prediction (see `LeftOut.widening`).
    """

    processes: Processes
    groups: tuple[tuple[int, ...], ...]
    shift_m: FloatArray
    spread_m: FloatArray
    widening: float = 1.0

    def checked(self) -> TablePosterior:
        """Return the posterior under the prior that suits the table, with true sds.

        Both come from runs that were left out: see `calibration.choose`.

        Raises:
            FitFailed: The numbers fail.
        """
        group_n = np.empty(sum(map(len, self.groups)), dtype=np.int64)
        for number, g in enumerate(sorted(range(len(self.groups)), key=self._place)):
            group_n[list(self.groups[g])] = number
        with single_thread():
            processes, left_out = choose(self.processes, group_n, most_asked=MOST_ASKED)
        widening = 1.0 if left_out is None else left_out.widening
        return replace(self, processes=processes, widening=widening)

    def _place(self, g: int) -> tuple[list[float], float]:
        """Return where a mixture comes in an order that no order of runs or domains changes."""
        data, row = self.processes.data, self.groups[g][0]
        return sorted(data.X_nf[row].tolist()), float(data.Z_mn[:, row].sum())

    def predict(self, W_qd: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return mean and sd (q, m) of a new measurement of each metric.

        Its known noise is that of a typical one: the median.
        """
        mean_qm, variance_qm = self.processes.marginals(W_qd)
        sd_qm = np.sqrt(variance_qm + self.processes.noise_variance_m)
        return self.shift_m + self.spread_m * mean_qm, self.widening * self.spread_m * sd_qm

    @property
    def noise_sd_m(self) -> FloatArray:
        """Sd (m,) of a typical measurement around what its mixture makes of the metric."""
        return np.asarray(self.spread_m * np.sqrt(self.processes.noise_variance_m))

    def left_out(self) -> tuple[FloatArray, FloatArray]:
        """Return mean and sd (n, m) of each run's measurement, predicted without its mixture.

        All runs of one mixture are left out together, at the hyper-parameters of the whole fit.
        What was not measured has no meaning here.
        """
        mean_gm, variance_gm, _ = self.processes.leave_out(self.groups)
        group_n = np.empty(sum(map(len, self.groups)), dtype=np.int64)
        for g, rows in enumerate(self.groups):
            group_n[list(rows)] = g
        noise_nm = self.processes.data.N_mn.T.numpy() + self.processes.residual_variance_m
        sd_nm = self.widening * self.spread_m * np.sqrt(variance_gm[group_n] + noise_nm)
        return (self.shift_m + self.spread_m * mean_gm)[group_n], sd_nm

    def effects(self, w_d: FloatArray, *, step: float) -> tuple[FloatArray, FloatArray]:
        """Return mean and sd (d, m) of what a step from a mixture towards each domain changes.

        Of domain d it is f(w + step · (e_d - w)) - f(w): a share `step` of every other domain goes
        to d. Both ends are drawn from one posterior, so what they share does not count as doubt.

        Args:
            w_d: On the simplex.
            step: 0 to 1.
        """
        W_qd = np.vstack([w_d, w_d + step * (np.eye(len(w_d)) - w_d)])
        mean_mq, C_mqq = self.processes.joint(W_qd)
        own_mq = np.einsum("mqq->mq", C_mqq)
        variance_md = own_mq[:, 1:] + own_mq[:, :1] - 2 * C_mqq[:, 0, 1:]
        sd_dm = np.sqrt(np.maximum(variance_md, 0.0)).T
        sd_dm = self.widening * self.spread_m * sd_dm
        return self.spread_m * (mean_mq[:, 1:] - mean_mq[:, :1]).T, sd_dm


def learn_table(
    domains: Sequence[str], W_nd: FloatArray, Y_nm: FloatArray, S_nm: FloatArray | float = 0.0
) -> TablePosterior:
    """Fit the surrogate to finished runs.

    Args:
        domains: Names of the `d` domains; names `a.b` tell a grid.
        W_nd: Weights, rows on the simplex.
        Y_nm: Metrics as measured, NaN = not measured; each is measured at least once.
        S_nm: Known standard errors of the measurements, 0 where not known: what they do not
            explain is learnt.

    Raises:
        FitFailed: The numbers fail.
    """
    noise_nm = np.broadcast_to(S_nm, Y_nm.shape) ** 2
    shift_m, sd_m = centre(Y_nm, noise_nm)
    # Rounding alone may spread equal values by some of their last digits.
    spread_m = np.where(sd_m > 1e-12 * np.abs(shift_m), sd_m, 1.0)
    with single_thread():
        fitted = fit(
            W_nd,
            (Y_nm - shift_m) / spread_m,
            noise_m=noise_nm / spread_m**2,
            features=Features.over(domains, W_nd),
        )
    groups: dict[bytes, list[int]] = {}
    for row, w_d in enumerate(W_nd):
        groups.setdefault(w_d.tobytes(), []).append(row)
    return TablePosterior(
        processes=fitted.processes,
        groups=tuple(map(tuple, groups.values())),
        shift_m=shift_m,
        spread_m=spread_m,
    )
