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
from mixatlas.surrogate.fit import fit, powered
from mixatlas.surrogate.gp import Processes
from mixatlas.surrogate.power import OF_ANY, Power
from mixatlas.surrogate.standard import centre
from mixatlas.surrogate.threads import single_thread

FloatArray = NDArray[np.float64]

MOST_ASKED = 8
"""Metrics that left-out runs are asked about: a table may have hundreds."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TablePosterior:
    """What is believed of every mixture's metrics.

    Args:
        processes: Of the latents.
        groups: Rows of each distinct mixture.
        shift_m: Mean of the measured values.
        spread_m: Their sd, positive.
        power: Of the standardised metrics, which makes them latents.
        widening: Multiplies every sd of a latent (see `LeftOut.widening`).
    """

    processes: Processes
    groups: tuple[tuple[int, ...], ...]
    shift_m: FloatArray
    spread_m: FloatArray
    power: Power
    widening: float = 1.0

    def checked(self) -> TablePosterior:
        """Return the posterior under powers and a prior that suit the table, with true sds.

        Prior and sds come from runs that were left out: see `calibration.choose`.

        Raises:
            FitFailed: The numbers fail.
        """
        group_n = np.empty(sum(map(len, self.groups)), dtype=np.int64)
        for number, g in enumerate(sorted(range(len(self.groups)), key=self._place)):
            group_n[list(self.groups[g])] = number
        with single_thread():
            processes, power = powered(self.processes, power_sd=OF_ANY)
            processes, left_out = choose(processes, group_n, most_asked=MOST_ASKED)
        widening = 1.0 if left_out is None else left_out.widening
        return replace(self, processes=processes, power=power, widening=widening)

    def _place(self, g: int) -> tuple[list[float], float]:
        """Return where a mixture comes in an order that no order of runs or domains changes."""
        data, row = self.processes.data, self.groups[g][0]
        return sorted(data.X_nf[row].tolist()), float(data.Z_mn[:, row].sum())

    def predict(self, W_qd: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return mean and sd (q, m) of a new measurement of each metric.

        Its known noise is that of a typical one: the median.
        """
        mean_qm, variance_qm = self.processes.marginals(W_qd)
        return self._measured(mean_qm, variance_qm + self.processes.noise_variance_m)

    def _measured(
        self, mean_nm: FloatArray, variance_nm: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return mean and sd (n, m) of measurements whose latents have mean and variance."""
        mean_nm, variance_nm = self.power.moments(mean_nm, self.widening**2 * variance_nm)
        return self.shift_m + self.spread_m * mean_nm, self.spread_m * np.sqrt(variance_nm)

    @property
    def noise_sd_m(self) -> FloatArray:
        """Sd (m,) of a typical measurement around what its mixture makes of the metric.

        Of a metric whose noise depends on its level, at the latent's mean.
        """
        slope_m = self.power.slope(self.power.values(np.zeros_like(self.spread_m)))
        return np.asarray(self.spread_m / slope_m * np.sqrt(self.processes.noise_variance_m))

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
        return self._measured(mean_gm[group_n], variance_gm[group_n] + noise_nm)

    def effects(self, w_d: FloatArray, *, step: float) -> tuple[FloatArray, FloatArray]:
        """Return mean and sd (d, m) of what a step from a mixture towards each domain changes.

        Of domain d it is f(w + step · (e_d - w)) - f(w): a share `step` of every other domain goes
        to d. Both ends are of one posterior, so what they share does not count as doubt. Under a
        power the mean is of the medians, and the sd to first order.

        Args:
            w_d: On the simplex.
            step: 0 to 1.
        """
        W_qd = np.vstack([w_d, w_d + step * (np.eye(len(w_d)) - w_d)])
        mean_mq, C_mqq = self.processes.joint(W_qd)
        value_qm = self.power.values(mean_mq.T)
        slope_mq = 1.0 / self.power.slope(value_qm).T
        C_mqq = slope_mq[:, :, None] * C_mqq * slope_mq[:, None, :]
        own_mq = np.einsum("mqq->mq", C_mqq)
        variance_md = own_mq[:, 1:] + own_mq[:, :1] - 2 * C_mqq[:, 0, 1:]
        sd_dm = self.widening * self.spread_m * np.sqrt(np.maximum(variance_md, 0.0)).T
        return self.spread_m * (value_qm[1:] - value_qm[:1]), sd_dm


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
        processes = fit(
            W_nd,
            (Y_nm - shift_m) / spread_m,
            noise_m=noise_nm / spread_m**2,
            features=Features.over(domains, W_nd),
        )
    groups: dict[bytes, list[int]] = {}
    for row, w_d in enumerate(W_nd):
        groups.setdefault(w_d.tobytes(), []).append(row)
    return TablePosterior(
        processes=processes,
        groups=tuple(map(tuple, groups.values())),
        shift_m=shift_m,
        spread_m=spread_m,
        power=Power.none(len(spread_m)),
    )
