from __future__ import annotations

import numpy as np

from mixatlas.space.grid import Grid


def test_cells_belong_to_their_concept_and_task():
    grid = Grid.of(("chart.ocr", "document.ocr", "document.vqa"))
    assert grid.concepts == ("chart", "document")
    assert grid.tasks == ("ocr", "vqa")
    assert grid.C_cd.tolist() == [[1, 0, 0], [0, 1, 1]]
    assert grid.T_td.tolist() == [[1, 1, 0], [0, 0, 1]]


def test_sums_over_an_axis_keep_all_weight():
    grid = Grid.of(("a.x", "a.y", "b.x", "c.z"))
    w = np.array([0.1, 0.2, 0.3, 0.4])
    assert np.isclose((grid.C_cd @ w).sum(), 1)
    assert np.isclose((grid.T_td @ w).sum(), 1)


def test_names_of_one_axis_make_no_grid():
    grid = Grid.of(("caption", "ocr"))
    assert grid.is_empty
    assert (grid.C_cd.shape, grid.T_td.shape) == ((0, 2), (0, 2))
