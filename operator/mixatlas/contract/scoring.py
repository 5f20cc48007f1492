"""The rules behind the metrics that compare an answer with an item: one for trainer and packer.

The trainer scores models with them; `corpus pack` finds the chance level with them. TokenNll is
not here: it needs a model's probabilities.
"""

from __future__ import annotations

from collections.abc import Sequence

Box = Sequence[float]

ANLS_THRESHOLD = 0.5
"""Distances from here on count as wrong: reading half of a word is not half an answer."""


def exact_match(answer: str, answers: Sequence[str]) -> float:
    """Return 1 if an answer equals one of the right ones, else 0.

    Case and the amount of white space do not count.

    Example:
        >>> exact_match(" Two  Bars", ["two bars"])
        1.0
    """
    return float(_plain(answer) in {_plain(right) for right in answers})


def anls(answer: str, answers: Sequence[str]) -> float:
    """Return the normalised Levenshtein similarity to the nearest right answer, 0 to 1.

    One minus edits / length of the longer text, and 0 where that is not above one half (DocVQA,
    Biten et al., 2019). Case and the amount of white space do not count.

    Example:
        >>> anls("tatal", ["total", "sum"])
        0.8
        >>> anls("x", ["total"])
        0.0
    """
    return max((_similarity(_plain(answer), _plain(right)) for right in answers), default=0.0)


def box_iou(box: Box, boxes: Sequence[Box]) -> float:
    """Return the largest intersection over union with one of the right boxes, 0 to 1.

    Args:
        box: [x0, y0, x1, y1] in any unit that `boxes` share. An inverted box has no area.
        boxes: The right ones.

    Example:
        >>> box_iou([0, 0, 1, 1], [[0.5, 0, 1, 1]])
        0.5
    """
    return max((_iou(box, right) for right in boxes), default=0.0)


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


def _similarity(a: str, b: str) -> float:
    longest = max(len(a), len(b))
    if longest == 0:
        return 1.0
    distance = _edits(a, b) / longest
    return 1.0 - distance if distance < ANLS_THRESHOLD else 0.0


def _edits(a: str, b: str) -> int:
    """Return the least number of insertions, deletions and replacements from a to b."""
    row = list(range(len(b) + 1))
    for i, left in enumerate(a, start=1):
        diagonal, row[0] = row[0], i
        for j, right in enumerate(b, start=1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (left != right))
    return row[-1]


def _area(box: Box) -> float:
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])


def _iou(a: Box, b: Box) -> float:
    shared = _area((max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3])))
    union = _area(a) + _area(b) - shared
    return shared / union if union > 0 else 0.0
