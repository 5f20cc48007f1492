"""From real weights to the nearest feasible mixture on the lattice of parts per million.

Three steps, each cheap and none trusted: project onto the polytope in floats, round to whole
parts, mend what rounding broke. Integers decide; what floats could not mend goes to an integer
program.

Notation: z whole parts, d domains, r one-sided constraints; everything here is in ppm.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

from mixatlas.contract.errors import InfeasibleSpace
from mixatlas.contract.mixture import PPM, Mixture
from mixatlas.space.projection import project
from mixatlas.space.space import FloatArray, IntArray, MixtureSpace

_WINDOW = 3
"""Parts by which the first integer program may move a domain. Rounding breaks a constraint by few
parts, so this one nearly always answers, and it is small."""
_MARGIN = 2e-6
"""Twice HiGHS's feasibility tolerance for integer solutions."""
_MOST_TRANSFERS = 200
_MOST_NODES = 1_000
"""Of an integer program's search tree: some seconds. Only several equalities over many domains
with coefficients of three digits have been seen to need more."""


def repair(space: MixtureSpace, weights: FloatArray) -> Mixture:
    """Return the feasible mixture next to real weights.

    Args:
        space: Where the mixture must lie.
        weights: Shape (d,), finite; they need not be feasible or sum to 1.

    Returns:
        A mixture that `space.contains`, a few parts per million from the Euclidean projection
        of `weights`. Exact zeros stay zero; where the space forbids that, the zeros that it
        forces apart (least total weight) are given up and the others kept.

    Raises:
        InfeasibleSpace: No lattice point lies in the space, or none was found in some seconds.
        ValueError: A weight is not finite, or there is not one a domain.

    Cost:
        Around 0.1 ms with bounds alone, 1 ms with constraints; an integer program where the
        space is thinner than a few parts.

    Example:
        >>> space = MixtureSpace.of("chart", "document", "photo")
        >>> repair(space, np.array([0.0, 1 / 3, 2 / 3])).ppm
        (0, 333333, 666667)
    """
    if weights.shape != (space.d,) or not np.isfinite(weights).all():
        raise ValueError("weights must be finite, one a domain")
    lattice = _Lattice.of(space)
    aim = weights * PPM
    zeros = (weights == 0) & (lattice.lower == 0)
    parts = lattice.pinned(zeros).nearest(aim) if zeros.any() else None
    if parts is None and zeros.any():
        parts = lattice.pinned(zeros & ~lattice.forced(zeros)).nearest(aim)
    if parts is None:
        parts = lattice.nearest(aim)
    if parts is None:
        raise InfeasibleSpace(
            "found no mixture in whole parts per million",
            hint="Relax equalities and other tight limits by 0.00001 or so.",
        )
    return space.mixture(parts)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Lattice:
    """A space for integer arithmetic: box, and one-sided constraints `coefficient · z ≤ high`.

    Args:
        lower: Least parts, shape (d,).
        upper: Largest parts, shape (d,).
        rows: Coefficients and limit of each one-sided constraint, exact.
        A_rd: The same coefficients, divided by `scales`.
        scales: Largest absolute coefficient of each row.
    """

    lower: IntArray
    upper: IntArray
    rows: tuple[tuple[tuple[int, ...], int], ...]
    A_rd: FloatArray
    scales: tuple[int, ...]

    @classmethod
    def of(cls, space: MixtureSpace) -> _Lattice:
        rows, scales = [], []
        for row in space.constraints:
            if row.high is not None:
                rows.append((row.coefficients, row.high))
                scales.append(row.scale)
            if row.low is not None:
                rows.append((tuple(-c for c in row.coefficients), -row.low))
                scales.append(row.scale)
        return cls(
            lower=np.array(space.lower, dtype=np.int64),
            upper=np.array(space.upper, dtype=np.int64),
            rows=tuple(rows),
            A_rd=space.halfspaces()[0],
            scales=tuple(scales),
        )

    def pinned(self, zeros: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> _Lattice:
        """Return the lattice with some domains held at zero."""
        return _Lattice(
            lower=self.lower,
            upper=np.where(zeros, 0, self.upper),
            rows=self.rows,
            A_rd=self.A_rd,
            scales=self.scales,
        )

    def room(self, z: IntArray) -> FloatArray:
        """Return what each row leaves at `z`, over its scale: exact, then one rounding."""
        parts = [int(part) for part in z]
        return np.array(
            [
                (high - sum(c * part for c, part in zip(row, parts, strict=True) if c)) / scale
                for (row, high), scale in zip(self.rows, self.scales, strict=True)
            ],
            dtype=np.float64,
        )

    def holds(self, z: IntArray) -> bool:
        """Tell whether whole parts are a mixture of the space."""
        in_box = bool((self.lower <= z).all() and (z <= self.upper).all() and z.sum() == PPM)
        return in_box and bool((self.room(z) >= 0).all())

    def nearest(self, aim: FloatArray) -> IntArray | None:
        """Return feasible parts near `aim`, or None where there are none at all."""
        if (self.lower > self.upper).any() or not (self.lower.sum() <= PPM <= self.upper.sum()):
            return None
        b = np.array([high / s for (_, high), s in zip(self.rows, self.scales, strict=True)])
        real = project(aim, lower=self.lower, upper=self.upper, A_rd=self.A_rd, b=b, total=PPM)
        if real is not None:
            parts = _mend(self, _round(real, self.lower, self.upper), real)
            if self.holds(parts):
                return parts
        center = aim if real is None else real
        return _by_integer_program(self, center)

    def forced(
        self, zeros: np.ndarray[tuple[int], np.dtype[np.bool_]]
    ) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Tell which of some zeros must be positive for anything to be feasible."""
        b = np.array([high / s for (_, high), s in zip(self.rows, self.scales, strict=True)])
        answer = milp(
            zeros.astype(np.float64),
            constraints=[
                LinearConstraint(np.ones((1, len(zeros))), PPM, PPM),
                *([LinearConstraint(self.A_rd, -np.inf, b)] if self.rows else []),
            ],
            bounds=Bounds(self.lower.astype(np.float64), self.upper.astype(np.float64)),
        )
        if answer.x is None:
            return zeros
        return np.asarray(zeros & (answer.x > 0.5))


def _round(real: FloatArray, lower: IntArray, upper: IntArray) -> IntArray:
    """Round by largest remainder within bounds, ties to the earlier domain."""
    parts = np.clip(np.floor(real).astype(np.int64), lower, upper)
    missing = int(PPM - parts.sum())
    while missing:
        step = 1 if missing > 0 else -1
        order = np.argsort(-step * (real - parts), kind="stable")
        open_ = (parts < upper) if step > 0 else (parts > lower)
        chosen = [i for i in order if open_[i]][: abs(missing)]
        parts[chosen] += step
        missing -= step * len(chosen)
    return parts


def _mend(lattice: _Lattice, parts: IntArray, real: FloatArray) -> IntArray:
    """Move single parts between domains while that lessens what rounding broke.

    Of all pairs the one that lessens the violation most is taken, then the one that stays
    nearest to `real`. The result may still break a row; the caller looks.
    """
    z = parts.copy()
    if not lattice.rows:
        return z
    # D[r, i, j]: how the room of row r changes when domain i gives one part to domain j.
    D = lattice.A_rd[:, :, None] - lattice.A_rd[:, None, :]
    for _ in range(_MOST_TRANSFERS):
        room = lattice.room(z)
        broken = -np.minimum(room, 0.0).sum()
        if broken == 0:
            break
        after = -np.minimum(room[:, None, None] + D, 0.0).sum(axis=0)
        after[z <= lattice.lower, :] = np.inf
        after[:, z >= lattice.upper] = np.inf
        off = z - real
        distance = off[None, :] - off[:, None]
        i, j = np.unravel_index(int((after + 1e-6 * distance).argmin()), after.shape)
        if not after[i, j] < broken - 1e-12:
            break
        z[i] -= 1
        z[j] += 1
    return z


def _by_integer_program(lattice: _Lattice, center: FloatArray) -> IntArray | None:
    """Find the nearest whole parts in the 1-norm, in a window first, then anywhere.

    The program is written in offsets from near the answer, so that its numbers are small and
    the solver's tolerance (1e-6) cannot pass for a part. Coefficients with more than six digits
    could still hide behind it; for those a second try keeps a margin.
    """
    z0 = np.clip(np.floor(center).astype(np.int64), lattice.lower, lattice.upper)
    missing = abs(int(PPM - z0.sum()))
    windows = (_WINDOW, PPM) if missing <= _WINDOW * len(z0) else (PPM,)
    for window in windows:
        for margin in (0.0, _MARGIN):
            offsets = _offsets(lattice, center, z0, window=window, margin=margin)
            if offsets is not None and lattice.holds(z0 + offsets):
                return z0 + offsets
    return None


def _offsets(
    lattice: _Lattice, center: FloatArray, z0: IntArray, *, window: int, margin: float
) -> IntArray | None:
    """Solve for offsets t from `z0` and deviations e ≥ |z0 + t − center|; minimise Σ e."""
    d = len(z0)
    eye, none = np.eye(d), np.zeros((len(lattice.rows), d))
    ones = np.concatenate([np.ones(d), np.zeros(d)])[None, :]
    missing = PPM - int(z0.sum())
    aim = center - z0
    low = np.maximum(lattice.lower - z0, -window).astype(np.float64)
    high = np.minimum(lattice.upper - z0, window).astype(np.float64)
    rows = [
        LinearConstraint(ones, missing, missing),
        LinearConstraint(np.hstack([eye, -eye]), -np.inf, aim),
        LinearConstraint(np.hstack([-eye, -eye]), -np.inf, -aim),
    ]
    if lattice.rows:
        A = np.hstack([lattice.A_rd, none])
        rows.append(LinearConstraint(A, -np.inf, lattice.room(z0) - margin))
    answer = milp(
        np.concatenate([np.zeros(d), np.ones(d)]),
        constraints=rows,
        integrality=np.concatenate([np.ones(d), np.zeros(d)]),
        bounds=Bounds(
            np.concatenate([low, np.zeros(d)]), np.concatenate([high, np.full(d, np.inf)])
        ),
        options={"node_limit": _MOST_NODES},
    )
    return None if answer.x is None else np.rint(answer.x[:d]).astype(np.int64)
