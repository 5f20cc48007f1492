"""Ranking what was tried."""

from __future__ import annotations

import numpy as np

from builders import a_scored_history, a_space, an_objective
from mixatlas.propose.tried import incumbent_of, rank_tried
from mixatlas.space.build import Bound, build_space
from mixatlas.space.design import quasi_random
from mixatlas.surrogate.learning import learn

SPACE = a_space()
MIXTURES = (SPACE.natural, SPACE.natural, *quasi_random(SPACE, 8, taken=(), seed=2))
HISTORY = a_scored_history(MIXTURES)
LEARNED = learn(HISTORY, an_objective(HISTORY))


def test_replicates_are_one_mixture_under_their_first_trial() -> None:
    tried = rank_tried(SPACE, HISTORY, LEARNED)
    assert len(tried.mixtures) == 9
    assert tried.trials[tried.mixtures.index(SPACE.natural)] == 1
    assert (np.diff(tried.mean_g) <= 0).all()


def test_a_baseline_outside_the_space_is_never_the_incumbent() -> None:
    tried = rank_tried(SPACE, HISTORY, LEARNED)
    best = tried.mixtures[0]
    domain = max(best.parts, key=lambda part: part[1])
    without_best = build_space(
        tokens=dict.fromkeys(SPACE.domains, 1000),
        bounds=[Bound(domain=domain[0], min="0", max=f"{domain[1] / 1e6 - 0.001:.6f}")],
    )
    narrowed = rank_tried(without_best, HISTORY, LEARNED)
    incumbent = incumbent_of(narrowed, LEARNED.posterior, n_draws=200, seed=1)
    assert incumbent is not None
    assert incumbent.mixture != best
    assert without_best.contains(incumbent.mixture)
