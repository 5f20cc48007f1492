"""From real weights to the nearest feasible mixture on the lattice of parts per million."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, linprog, milp

from mixatlas.contract.errors import InfeasibleSpace
from mixatlas.contract.mixture import PPM, Mixture
from mixatlas.space.space import FloatArray, MixtureSpace


def repair(space: MixtureSpace, weights: FloatArray) -> Mixture:
    """Return a feasible mixture next to real weights.

    Args:
        space: Where the mixture must lie.
        weights: Shape (d,), finite; they need not be feasible or sum to 1.

    Returns:
        A mixture that `space.contains`. Its distance to `weights` is the least possible in the
        1-norm, up to d ppm; zeros stay zero where the space allows it.

    Raises:
        InfeasibleSpace: No lattice point lies in the space.
        ValueError: A weight is not finite.
    """
    if weights.shape != (space.d,) or not np.isfinite(weights).all():
        raise ValueError("weights must be finite, one a domain")
    clipped = np.clip(weights, 0.0, None)
    target = clipped / clipped.sum() if clipped.sum() > 0 else np.full(space.d, 1.0 / space.d)
    mixture = _round_within_bounds(space, target)
    if mixture is not None and space.contains(mixture):
        return mixture
    if space.constraints:
        inner = _project(space, target)
        mixture = _round_within_bounds(space, inner) if inner is not None else None
        if mixture is not None and space.contains(mixture):
            return mixture
    return _nearest_by_search(space, target)


def _round_within_bounds(space: MixtureSpace, target: FloatArray) -> Mixture | None:
    """Project onto bounds and sum, then round by largest remainder inside the bounds."""
    lower, upper = np.array(space.lower), np.array(space.upper)
    if lower.sum() > PPM or upper.sum() < PPM or (lower > upper).any():
        return None
    real = _shift_to_sum(target * PPM, lower.astype(float), upper.astype(float))
    parts = np.clip(np.floor(real + 1e-9).astype(np.int64), lower, upper)
    missing = int(PPM - parts.sum())
    # Largest remainders first, ties by name (the stable sort keeps the domains' order).
    order = np.argsort(-(real - parts), kind="stable")
    while missing:
        step = 1 if missing > 0 else -1
        room = [
            i
            for i in (order if step > 0 else order[::-1])
            if lower[i] <= parts[i] + step <= upper[i]
        ]
        for i in room[: abs(missing)]:
            parts[i] += step
            missing -= step
    return space.mixture(parts)


def _shift_to_sum(x: FloatArray, lower: FloatArray, upper: FloatArray) -> FloatArray:
    """Scale weights by one factor so that they sum to PPM within bounds.

    A common factor keeps zeros and ratios, unlike a common shift. Weights that are zero grow
    only when everything else is at its bound.
    """
    low, high = 0.0, 1.0
    while np.clip(x * high, lower, upper).sum() < PPM and high < 1e12:
        high *= 2.0
    for _ in range(100):
        middle = (low + high) / 2
        if np.clip(x * middle, lower, upper).sum() < PPM:
            low = middle
        else:
            high = middle
    scaled = np.clip(x * high, lower, upper)
    missing = PPM - scaled.sum()
    if missing > 1e-6:
        room = upper - scaled
        scaled = scaled + room * (missing / room.sum())
    return scaled


def _project(space: MixtureSpace, target: FloatArray) -> FloatArray | None:
    """Return the point nearest in the 1-norm that keeps a margin for rounding.

    The linear program has weights w and deviations e ≥ |w − target|. Each constraint is drawn
    in by what rounding every weight by 1 ppm could add to it.
    """
    d = space.d
    A, b = space.halfspaces()
    lower, upper = space.box()
    margin = np.abs(A).sum(axis=1) / PPM
    eye, none = np.eye(d), np.zeros((len(A), d))
    answer = linprog(
        np.concatenate([np.zeros(d), np.ones(d)]),
        A_ub=np.block([[A, none], [eye, -eye], [-eye, -eye]]),
        b_ub=np.concatenate([b - margin, target, -target]),
        A_eq=np.concatenate([np.ones(d), np.zeros(d)])[None, :],
        b_eq=[1.0],
        bounds=[*zip(lower, upper, strict=True), *[(0.0, None)] * d],
        method="highs",
    )
    return np.asarray(answer.x[:d]) if answer.status == 0 else None


def _nearest_by_search(space: MixtureSpace, target: FloatArray) -> Mixture:
    """Solve the integer program exactly, for spaces thinner than the rounding margin."""
    d = space.d
    rows: list[LinearConstraint] = [
        LinearConstraint(np.concatenate([np.ones(d), np.zeros(d)])[None, :], PPM, PPM)
    ]
    eye = np.eye(d)
    aim = target * PPM
    rows.append(LinearConstraint(np.hstack([eye, -eye]), -np.inf, aim))
    rows.append(LinearConstraint(np.hstack([-eye, -eye]), -np.inf, -aim))
    for constraint in space.constraints:
        a = np.concatenate([np.array(constraint.coefficients, dtype=np.float64), np.zeros(d)])
        low = -np.inf if constraint.low is None else constraint.low
        high = np.inf if constraint.high is None else constraint.high
        rows.append(LinearConstraint(a[None, :], low, high))
    answer = milp(
        np.concatenate([np.zeros(d), np.ones(d)]),
        constraints=rows,
        integrality=np.concatenate([np.ones(d), np.zeros(d)]),
        bounds=Bounds(
            np.concatenate([np.array(space.lower, dtype=float), np.zeros(d)]),
            np.concatenate([np.array(space.upper, dtype=float), np.full(d, np.inf)]),
        ),
    )
    if answer.x is not None:
        parts: NDArray[np.int64] = np.rint(answer.x[:d]).astype(np.int64)
        if parts.sum() == PPM and (parts >= 0).all():
            mixture = space.mixture(parts)
            if space.contains(mixture):
                return mixture
    raise InfeasibleSpace(
        "the constraints leave no room for weights in whole parts per million",
        hint="Relax the tightest constraint by 0.00001 or so.",
    )
