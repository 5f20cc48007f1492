"""Into a space by common factors: the projection that keeps ratios between weights."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize

from mixatlas.space.space import FloatArray, MixtureSpace

_LEAST = 1e-12


def scale_into(space: MixtureSpace, weights: FloatArray) -> FloatArray:
    """Return the point of a space that is nearest to weights in relative entropy.

    The Euclidean projection shifts weights alike and so wipes out the small ones; this one
    multiplies all that stand in the same constraints by one factor, so that a dense mixture stays
    dense. In the dual, w = clip(x · exp(−Aᵀλ − ν), lower, upper) with λ ≥ 0, and the gradient is
    the violation A w − b and Σ w − 1 (Bregman 1967; the box is met in closed form).

    Args:
        space: Where the point shall lie.
        weights: Shape (d,), non-negative with a positive sum.

    Returns:
        Shape (d,). It meets the constraints up to the solver's accuracy (about 1e-6): `repair`
        does the rest.
    """
    A, b = space.halfspaces()
    lower, upper = space.box()
    x: FloatArray = weights / weights.sum()
    if (lower <= x).all() and (x <= upper).all() and (A @ x <= b).all():
        return x
    x = np.maximum(x, _LEAST)
    G = np.vstack([A, np.ones((1, space.d))])
    h = np.append(b, 1.0)

    def primal(dual: FloatArray) -> FloatArray:
        return np.asarray(np.clip(x * np.exp(np.clip(-dual @ G, -60, 60)), lower, upper))

    def loss(dual: FloatArray) -> tuple[float, FloatArray]:
        w = np.maximum(primal(dual), 1e-300)
        value = (w * np.log(w / x) - w + w * (dual @ G)).sum() - dual @ h
        return -float(value), h - G @ w

    answer = minimize(
        loss,
        np.zeros(len(h)),
        jac=True,
        method="L-BFGS-B",
        bounds=[(0.0, None)] * len(b) + [(None, None)],
        options={"ftol": 1e-14, "gtol": 1e-9, "maxiter": 200},
    )
    inside = primal(np.asarray(answer.x))
    kept: FloatArray = np.where(weights > 0, inside, lower)
    return kept
