"""The domains that axes make of a manifest."""

from __future__ import annotations

import pytest

from builders import a_cell, a_view
from mixatlas.contract.mixture import Mixture
from mixatlas.spec.view import Axis, View

CELLS = [
    a_cell("chart.ocr", tokens=100, definition="1" * 64),
    a_cell("chart.vqa", tokens=300, definition="2" * 64),
    a_cell("photo.vqa", tokens=500, definition="3" * 64),
]
BOTH: tuple[Axis, ...] = ("concept", "task")


def test_on_both_axes_each_cell_is_a_domain() -> None:
    view = View.of(CELLS, BOTH)
    assert view.names == ("chart.ocr", "chart.vqa", "photo.vqa")
    assert view.tokens == {"chart.ocr": 100, "chart.vqa": 300, "photo.vqa": 500}
    assert [part.definition for part in view.slices] == [cell.definition for cell in CELLS]
    assert [part.content for part in view.slices] == [cell.content for cell in CELLS]
    mixture = Mixture.nearest(view.tokens)
    assert view.expand(mixture) == mixture


@pytest.mark.parametrize(
    ("axis", "tokens"),
    [("concept", {"chart": 400, "photo": 500}), ("task", {"ocr": 100, "vqa": 800})],
)
def test_on_one_axis_each_of_its_values_is_a_domain(axis: Axis, tokens: dict[str, int]) -> None:
    view = View.of(CELLS, (axis,))
    assert view.names == tuple(tokens)
    assert view.tokens == tokens


def test_inside_a_slice_the_natural_shares_stay() -> None:
    view = View.of(CELLS, ("concept",))
    cells = view.expand(Mixture.of({"chart": 800_000, "photo": 200_000}))
    assert dict(cells.parts) == {"chart.ocr": 200_000, "chart.vqa": 600_000, "photo.vqa": 200_000}


def test_a_mixture_of_cells_is_none_of_slices() -> None:
    view = View.of(CELLS, ("task",))
    with pytest.raises(ValueError, match="other domains"):
        view.expand(Mixture.of({"chart.ocr": 500_000, "chart.vqa": 500_000, "photo.vqa": 0}))


def digests(axis: Axis, *cells: tuple[str, str]) -> tuple[str, str]:
    """Return definition and content of the first slice of cells given by name and definition."""
    view = View.of([a_cell(name, definition=digit * 64) for name, digit in cells], (axis,))
    return view.slices[0].definition, view.slices[0].content


@pytest.mark.parametrize(
    ("axis", "cells"),
    [
        ("concept", [("a.ocr", "1"), ("a.vqa", "3")]),
        ("concept", [("a.ocr", "2"), ("a.vqa", "1")]),
        ("concept", [("a.ocr", "1")]),
        ("concept", [("b.ocr", "1"), ("b.vqa", "2")]),
        ("task", [("a.ocr", "1"), ("b.ocr", "2")]),
    ],
    ids=["a cell's own", "exchanged", "a cell less", "name", "axis"],
)
def test_digests_of_a_slice_tell_what_is_in_it(axis: Axis, cells: list[tuple[str, str]]) -> None:
    before = digests("concept", ("a.ocr", "1"), ("a.vqa", "2"))
    after = digests(axis, *cells)
    assert len({*before, *after}) == 4


def test_a_concept_is_no_task_of_the_same_name() -> None:
    assert set(digests("concept", ("vqa.vqa", "1"))).isdisjoint(digests("task", ("vqa.vqa", "1")))


def test_one_cell_alone_has_other_digests_as_a_slice() -> None:
    cell, part = a_view("a.ocr").slices[0], a_view("a.ocr", axes=("concept",)).slices[0]
    assert part.cells == cell.cells
    assert part.definition != cell.definition
