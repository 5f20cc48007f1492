"""Proposals on random polytopes: feasible, distinct, apart, and the same again."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import a_scored_history, an_objective
from mixatlas.propose.propose import propose
from mixatlas.propose.values import ProposeSettings
from mixatlas.space.build import Bound, Group, build_space
from mixatlas.space.design import is_apart, quasi_random
from mixatlas.space.space import MixtureSpace


@st.composite
def polytopes(draw: st.DrawFn) -> MixtureSpace:
    """Return a space around a random inner point: bounds, a group, repeat caps."""
    d = draw(st.integers(3, 9))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    names = [f"concept-{i // 2}.{('caption', 'ocr')[i % 2]}" for i in range(d)]
    inside = rng.dirichlet(np.full(d, draw(st.sampled_from([0.5, 1.0, 4.0]))))
    share = float(inside[: d // 2].sum())
    width = draw(st.sampled_from([0.05, 0.3]))
    group = Group(
        name="some",
        domains=tuple(names[: d // 2]),
        min=f"{max(share - width, 0.0):.4f}",
        max=f"{min(share + width, 1.0):.4f}",
    )
    low = f"{inside[-1] / 2:.5f}"
    return build_space(
        tokens={name: 1 + int(1e6 * (0.05 + w)) for name, w in zip(names, inside, strict=True)},
        bounds=[Bound(domain=names[-1], min=low, max="1")],
        groups=[group],
        max_repeats="3",
        target_tokens=1_500_000,
    )


@settings(max_examples=3, deadline=None)
@given(space=polytopes(), seed=st.integers(0, 2**53 - 1))
def test_proposals_are_feasible_distinct_and_repeatable(space: MixtureSpace, seed: int) -> None:
    tried = [space.natural, space.natural, *quasi_random(space, 6, taken=(), seed=1)]
    history = a_scored_history(tried, noise=0.02)
    quick = ProposeSettings(objective=an_objective(history), n_starts=1, n_pool=90, n_draws=32)
    pending = quasi_random(space, 1, taken=tried, seed=2)
    first = propose(space, history, q=3, pending=pending, seed=seed, settings=quick)
    others = [*tried, *pending]
    for mixture in first.mixtures:
        assert space.violations(mixture) == ()
        assert is_apart(mixture, others)
        others.append(mixture)
    assert propose(space, history, q=3, pending=pending, seed=seed, settings=quick) == first
