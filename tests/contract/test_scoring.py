"""The rules of metrics against values worked out by hand."""

from __future__ import annotations

import pytest

from mixatlas.contract.scoring import anls, box_iou, exact_match


@pytest.mark.parametrize(
    ("answer", "answers", "score"),
    [
        ("red", ["red"], 1),
        (" RED ", ["blue", "red"], 1),
        ("re d", ["red"], 0),
        ("", ["red"], 0),
    ],
)
def test_exact_match(answer: str, answers: list[str], score: float) -> None:
    assert exact_match(answer, answers) == score


@pytest.mark.parametrize(
    ("answer", "answers", "score"),
    [
        ("total", ["total"], 1),
        ("totl", ["total"], 0.8),
        ("abcd", ["abxy"], 0),  # half is wrong: counts as wrong
        ("abcd", ["zzzz", "abcx"], 0.75),
        ("", ["a"], 0),
    ],
)
def test_anls(answer: str, answers: list[str], score: float) -> None:
    assert anls(answer, answers) == pytest.approx(score)


@pytest.mark.parametrize(
    ("box", "boxes", "score"),
    [
        ((0, 0, 2, 2), [(1, 1, 3, 3)], 1 / 7),
        ((0, 0, 1, 1), [(2, 2, 3, 3)], 0),
        ((0, 0, 1, 1), [(2, 2, 3, 3), (0, 0, 1, 1)], 1),
        ((1, 1, 0, 0), [(0, 0, 1, 1)], 0),  # inverted
    ],
)
def test_box_iou(box: tuple[float, ...], boxes: list[tuple[float, ...]], score: float) -> None:
    assert box_iou(box, boxes) == pytest.approx(score)
