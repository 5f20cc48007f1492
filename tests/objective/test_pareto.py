"""Pareto fronts of tables."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from botorch.utils.multi_objective.pareto import is_non_dominated
from hypothesis import given
from hypothesis import strategies as st

from mixatlas.objective.pareto import non_dominated, reference_point

TABLE = np.array(
    [
        [1.0, 9.0],
        [1.0, 8.0],  # beaten: equal in one, worse in the other
        [4.0, 6.0],
        [4.0, 6.0],  # a twin of the front is on the front
        [3.0, 5.0],
        [9.0, 0.0],
        [np.nan, 99.0],
    ]
)
FRONT = [True, False, True, True, False, True, False]


def test_the_front_is_what_no_other_row_beats() -> None:
    assert non_dominated(TABLE).tolist() == FRONT


@given(seed=st.integers(0, 10**6), n=st.integers(1, 12), j=st.integers(1, 4))
def test_any_front_is_botorchs_in_any_order(seed: int, n: int, j: int) -> None:
    rng = np.random.default_rng(seed)
    Y_nj = rng.integers(0, 4, size=(n, j)).astype(float)
    order = rng.permutation(n)
    found = non_dominated(Y_nj)
    assert found.any()
    np.testing.assert_array_equal(non_dominated(Y_nj[order]), found[order])
    expected = is_non_dominated(torch.as_tensor(Y_nj), deduplicate=False)
    np.testing.assert_array_equal(found, expected)


def test_no_rows_have_no_front() -> None:
    assert non_dominated(np.zeros((0, 2))).tolist() == []
    assert non_dominated(np.full((2, 2), np.nan)).tolist() == [False, False]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param(TABLE[:-1], [1 - 0.8, 0 - 0.9], id="a tenth of the range below the worst"),
        pytest.param([[2.0, 5.0]], [2 - 0.1, 5 - 0.1], id="one row"),
        pytest.param([[2.0, 5.0], [2.0, 3.0]], [2 - 0.1, 3 - 0.2], id="an objective that is equal"),
    ],
)
def test_the_reference_lies_just_below_the_worst(rows: object, expected: list[float]) -> None:
    np.testing.assert_allclose(reference_point(np.array(rows)), expected)
