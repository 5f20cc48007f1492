"""Records hold cells, whatever a search weighs."""

from __future__ import annotations

import pytest

from builders import a_view
from mixatlas.contract.mixture import Mixture
from mixatlas.contract.trial import DomainWeight
from mixatlas.ledger.records import cells_of, mixture_of, weights_of
from mixatlas.spec.view import View

CELLS = ("chart.ocr", "chart.vqa", "photo.vqa")
BY_TASK = a_view(*CELLS, axes=("task",))


def test_a_mixture_of_slices_is_stored_as_cells_and_read_back() -> None:
    mixture = Mixture.of({"ocr": 0, "vqa": 1_000_000})
    weights = weights_of(mixture, BY_TASK)
    assert [(w.domain, w.ppm) for w in weights] == [("chart.vqa", 500_000), ("photo.vqa", 500_000)]
    assert mixture_of(weights, BY_TASK) == mixture
    assert cells_of(weights).ppm == (500_000, 500_000)


@pytest.mark.parametrize("view", [BY_TASK, a_view(*CELLS)], ids=["slices", "cells"])
def test_a_cell_that_the_corpus_lacks_is_named(view: View) -> None:
    weights = (
        DomainWeight(domain="chart.ocr", ppm=400_000),
        DomainWeight(domain="screen.ocr", ppm=600_000),
    )
    with pytest.raises(ValueError, match=r"unknown domains: \['screen\.ocr'\]"):
        mixture_of(weights, view)
