"""Images get their nearest concept; concepts can be renamed, joined and told apart."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mixatlas.contract.errors import SpecError
from mixatlas.corpus.concepts.concept_map import Concept, ConceptMap
from mixatlas.corpus.concepts.small_cells import join_small_cells

VECTORS = {"chart": (1.0, 0.0, 0.0), "document": (0.8, 0.6, 0.0), "photo": (0.0, 0.0, 1.0)}


def a_map(**changes: Any) -> ConceptMap:
    concepts = tuple(Concept(name=name, vector=vector) for name, vector in VECTORS.items())
    whole: dict[str, Any] = {"method": "Clusters", "model": "model", "revision": "0" * 64}
    return ConceptMap(**(whole | {"concepts": concepts} | changes))


def test_the_nearest_concept_is_assigned() -> None:
    images = np.array([[0.99, 0.1, 0.0], [0.6, 0.8, 0.0], [0.1, 0.0, 0.99]], dtype=np.float32)
    assert [found.concept for found in a_map().assign(images)] == ["chart", "document", "photo"]


def test_an_image_between_two_concepts_is_other() -> None:
    between = np.array([[0.949, 0.316, 0.0], [0.0, 0.0, 1.0]], dtype=np.float32)
    unclear, clear = a_map(margin="0.05").assign(between)
    assert (unclear.concept, unclear.cosine, clear.concept) == ("other", None, "photo")
    assert a_map(margin="0").assign(between)[0].concept in {"chart", "document"}


def test_a_definition_depends_on_its_own_concept_only() -> None:
    moved = tuple(
        Concept(name=name, vector=(0.0, 1.0, 0.0) if name == "photo" else vector)
        for name, vector in VECTORS.items()
    )
    old, new = a_map(), a_map(concepts=moved)
    assert old.definition("chart") == new.definition("chart")
    assert old.definition("photo") != new.definition("photo")
    assert old.definition("other") != new.definition("other")
    assert a_map(margin="0.1").definition("chart") != old.definition("chart")


def test_names_that_are_not_there_are_refused() -> None:
    renamed = a_map().renamed({"chart": "figure", "document": "figure"})
    assert [concept.name for concept in renamed.concepts] == ["figure", "figure", "photo"]
    assert renamed.renamed({"chart": "figure"}) == renamed  # a map that is used again
    with pytest.raises(SpecError, match="no concept 'map'"):
        a_map().renamed({"map": "figure"})


@pytest.mark.parametrize(
    ("cells", "joined"),
    [
        ({"chart.vqa": 3, "document.vqa": 50, "photo.vqa": 60}, {"chart.vqa": "document"}),
        ({"chart.vqa": 50, "photo.vqa": 60}, {}),
        ({"chart.vqa": 3, "photo.vqa": 4, "document.vqa": 2},
         {"chart.vqa": "photo", "document.vqa": "photo"}),
        ({"chart.ocr": 3, "chart.vqa": 50}, {}),
        ({"text.vqa": 1, "other.vqa": 1, "photo.vqa": 50}, {}),
    ],
)  # fmt: skip
def test_small_cells_join_the_nearest_large_one_of_their_task(
    cells: dict[str, int], joined: dict[str, str]
) -> None:
    assert join_small_cells(cells, a_map(), 10) == joined
