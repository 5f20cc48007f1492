"""Random spaces that are known to hold a point: repair and sampling stay inside, exactly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import LinearConstraint, minimize

from mixatlas.contract.mixture import PPM
from mixatlas.space.build import Bound, Group, Linear, build_space
from mixatlas.space.lattice import repair
from mixatlas.space.sampling import sample_uniform, sobol_points
from mixatlas.space.space import MixtureSpace


@dataclass(frozen=True)
class Case:
    space: MixtureSpace
    weights: np.ndarray
    seed: int


@st.composite
def cases(draw, most: int = 64) -> Case:
    d = draw(st.integers(2, most))
    seed = draw(st.integers(0, 2**32 - 1))
    slack = draw(st.sampled_from(["0", "0.000001", "0.001", "0.1"]))
    n_bounds, n_groups, n_linear = (draw(st.integers(0, m)) for m in (3, 2, 3))
    rng = np.random.default_rng(seed)
    names = [f"d{i:02d}" for i in range(d)]
    # The interior point is a lattice point, so the space is never empty.
    inner = np.diff(np.sort(rng.integers(0, PPM + 1, d - 1)), prepend=0, append=PPM)
    ppm = {name: int(part) for name, part in zip(names, inner, strict=True)}
    room = round(float(slack) * PPM)

    def around(value: int, unit: int = PPM) -> tuple[str, str]:
        digits = len(str(unit)) - 1
        return tuple(f"{(value + side * room * unit // PPM) / unit:.{digits}f}" for side in (-1, 1))

    def clipped(value: int) -> tuple[str, str]:
        low, high = around(value)
        return str(max(float(low), 0.0)), str(min(float(high), 1.0))

    bounds, groups, linear = [], [], []
    for name in rng.choice(names, min(n_bounds, d), replace=False):
        low, high = (f"{float(x):.6f}" for x in clipped(ppm[name]))
        bounds.append(Bound(domain=str(name), min=low, max=high))
    for i in range(n_groups):
        members = [str(m) for m in rng.choice(names, rng.integers(1, d + 1), replace=False)]
        low, high = (f"{float(x):.6f}" for x in clipped(sum(ppm[m] for m in members)))
        groups.append(Group(name=f"g{i}", domains=tuple(members), min=low, max=high))
    # Several equalities over all domains would need a search of their own; ratios of two do not.
    for i in range(n_linear):
        named = names if room or i == 0 else [str(name) for name in rng.choice(names, 2)]
        size = 300 if room else 3
        hundredths = {name: int(rng.integers(-size, size + 1)) for name in named}
        value = sum(c * ppm[name] for name, c in hundredths.items())
        low, high = around(value, 100 * PPM)
        terms = tuple((name, f"{c / 100:.2f}") for name, c in hundredths.items())
        linear.append(Linear(name=f"l{i}", terms=terms, min=low, max=high))
    space = build_space(
        tokens={name: int(t) for name, t in zip(names, rng.integers(1, 1000, d), strict=True)},
        bounds=bounds,
        groups=groups,
        linear=linear,
    )
    weights = rng.dirichlet(np.full(d, draw(st.sampled_from([0.1, 1.0, 10.0]))))
    weights[rng.random(d) < 0.2] = 0.0
    return Case(space=space, weights=weights, seed=seed)


@settings(max_examples=30, deadline=None)
@given(cases())
def test_repair_is_feasible_and_sums_exactly(case: Case):
    mixture = repair(case.space, case.weights)
    assert case.space.contains(mixture)
    assert case.space.violations(mixture) == ()
    assert sum(mixture.ppm) == PPM


@settings(max_examples=15, deadline=None)
@given(cases())
def test_a_feasible_mixture_is_its_own_repair(case: Case):
    mixture = repair(case.space, case.weights)
    assert repair(case.space, np.array(mixture.fractions)) == mixture


@settings(max_examples=15, deadline=None)
@given(cases(most=12))
def test_repair_is_next_to_the_projection(case: Case):
    """Compared with a general solver, where weights have no zeros to keep."""
    weights = np.maximum(case.weights, 1e-6)
    A, b = case.space.halfspaces()
    lower, upper = case.space.box()
    mixture = np.array(repair(case.space, weights).fractions)
    answer = minimize(
        lambda w: ((w - weights) ** 2).sum(),
        mixture,
        jac=lambda w: 2 * (w - weights),
        method="SLSQP",
        bounds=list(zip(lower, upper, strict=True)),
        constraints=[
            LinearConstraint(np.ones((1, len(weights))), 1, 1),
            *([LinearConstraint(A, -np.inf, b)] if len(b) else []),
        ],
        options={"ftol": 1e-14, "maxiter": 500},
    )
    least = np.linalg.norm(answer.x - weights)
    assert np.linalg.norm(mixture - weights) <= least + 2e-4


@settings(max_examples=6, deadline=None)
@given(cases(most=8))
def test_drawn_points_lie_in_the_space(case: Case):
    A, b = case.space.halfspaces()
    lower, upper = case.space.box()
    for W in (
        sample_uniform(case.space, 20, case.seed),
        sobol_points(case.space, 4, case.seed),
    ):
        assert np.abs(W.sum(axis=1) - 1).max() < 1e-8
        assert (lower - 1e-8 <= W).all()
        assert (upper + 1e-8 >= W).all()
        assert (b + 1e-8 >= W @ A.T).all()
