"""How the machine is shared between trials."""

from __future__ import annotations

import pytest

from mixatlas.local.search import room_for_trials
from scenario import a_document


@pytest.mark.parametrize(
    ("parallelism", "cores", "expected"),
    [(1, 8, (1, 8)), (2, 8, (2, 4)), (3, 8, (3, 2)), (8, 2, (2, 1)), (1, 1, (1, 1))],
)
def test_threads_times_trials_never_exceed_the_cores(
    parallelism: int, cores: int, expected: tuple[int, int]
) -> None:
    assert room_for_trials(a_document(search__parallelism=parallelism), cores) == expected
