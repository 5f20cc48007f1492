"""Outcomes → history."""

from __future__ import annotations

import random

import numpy as np

from builders import a_view
from mixatlas.contract.metrics import Metric
from mixatlas.contract.result import DomainUse, Score
from mixatlas.contract.trial import DomainWeight, Purpose
from mixatlas.ledger.fold import fold
from mixatlas.ledger.records import OutcomeClass, TrialOutcome

VIEW = a_view("a.vqa", "b.vqa")
METRICS = {"hits": Metric.EXACT_MATCH, "loss": Metric.TOKEN_NLL}


def an_outcome(trial: int, **changes: object) -> TrialOutcome:
    values: dict[str, object] = {
        "trial": trial,
        "digest": "0" * 64,
        "purpose": Purpose.INITIAL,
        "mixture": (
            DomainWeight(domain="a.vqa", ppm=250_000),
            DomainWeight(domain="b.vqa", ppm=750_000),
        ),
        "seed": trial,
        "tokens": 100,
        "outcome": OutcomeClass.OK,
        "scores": {
            "hits": Score(metric=Metric.EXACT_MATCH, value=0.5, sem=0.1, n=10, chance=0.1),
            "loss": Score(metric=Metric.TOKEN_NLL, value=1.5, sem=0.2, n=10, chance=2.0),
        },
    }
    return TrialOutcome(**(values | changes))  # type: ignore[arg-type]


def use(tokens: int) -> DomainUse:
    return DomainUse(tokens=tokens, supervised_tokens=1, samples=1, epochs=1.0, loss=None)


def test_losses_are_turned_once() -> None:
    history = fold([an_outcome(1)], view=VIEW, metrics=METRICS)
    assert history.Y_nm.tolist() == [[0.5, -1.5]]
    np.testing.assert_allclose(history.V_nm, [[0.01, 0.04]])


def test_realised_shares_are_learned_from_not_wished_ones() -> None:
    outcome = an_outcome(1, domains={"a.vqa": use(30), "b.vqa": use(70)})
    history = fold([outcome], view=VIEW, metrics=METRICS)
    np.testing.assert_allclose(history.W_nd, [[0.3, 0.7]])
    assert history.mixtures[0].ppm == (250_000, 750_000)


def test_only_the_search_stage_and_what_says_something_counts() -> None:
    outcomes = [
        an_outcome(1),
        an_outcome(2, purpose=Purpose.CONFIRM),
        an_outcome(3, outcome=OutcomeClass.FAILED, scores={}),
        an_outcome(4, outcome=OutcomeClass.CANCELLED, scores={}),
        an_outcome(5, outcome=OutcomeClass.DIVERGED, scores={}),
        an_outcome(0, purpose=Purpose.BASE, scores={}),
    ]
    random.Random(1).shuffle(outcomes)
    history = fold(outcomes, view=VIEW, metrics=METRICS)
    assert history.trials == (1, 5)
    assert history.diverged_n.tolist() == [False, True]
    assert np.isnan(history.Y_nm[1]).all()


def test_replicates_share_a_group() -> None:
    history = fold([an_outcome(1), an_outcome(2)], view=VIEW, metrics=METRICS)
    assert list(history.groups().values()) == [(0, 1)]


def test_an_empty_ledger_is_an_empty_history() -> None:
    history = fold([], view=VIEW, metrics=METRICS)
    assert history.n == 0
    assert history.Y_nm.shape == (0, 2)


def test_slices_are_learned_from_the_shares_of_all_their_cells() -> None:
    view = a_view("a.ocr", "a.vqa", "b.vqa", axes=("concept",))
    outcome = an_outcome(1, domains={"a.ocr": use(10), "a.vqa": use(20), "b.vqa": use(70)})
    history = fold([outcome], view=view, metrics=METRICS)
    assert history.domains == ("a", "b")
    assert history.mixtures[0].ppm == (250_000, 750_000)
    np.testing.assert_allclose(history.W_nd, [[0.3, 0.7]])
