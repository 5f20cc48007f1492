"""Chance levels against numbers worked out by hand."""

from __future__ import annotations

import math

import pytest

from mixatlas.contract.manifest import Part
from mixatlas.contract.metrics import Metric
from mixatlas.corpus.chance import Bigram, KeyItem, chance_level


def texts(*answers: tuple[str, ...]) -> list[KeyItem]:
    return [KeyItem(half="search", answers=answer) for answer in answers]


def test_exact_match_takes_the_most_frequent_answer() -> None:
    items = texts(("red",), ("red",), ("blue", "Red"), ("green",))
    assert chance_level(Metric.EXACT_MATCH, items, vocabulary_size=9) == 0.75


def test_anls_takes_the_answer_nearest_to_all() -> None:
    # "1234" scores 1 itself, 0.75 at "1235" and "1239", 0 at "zzzz": better than any other.
    items = texts(("1234",), ("1235",), ("1239",), ("zzzz",))
    assert chance_level(Metric.ANLS, items, vocabulary_size=9) == (1 + 0.75 + 0.75) / 4


def test_box_iou_takes_the_box_that_overlaps_most() -> None:
    left, right = (0.0, 0.0, 0.5, 1.0), (0.5, 0.0, 1.0, 1.0)
    items = [KeyItem(half="search", boxes=(box,)) for box in (left, left, right)]
    # `left` scores 1, 1, 0; the whole image a half everywhere.
    assert chance_level(Metric.BOX_IOU, items, vocabulary_size=9) == pytest.approx(2 / 3)


def test_median_box_beats_all_given_ones_where_they_scatter() -> None:
    boxes = [(0.0, 0.0, 0.4, 1.0), (0.3, 0.0, 1.0, 1.0), (0.2, 0.0, 0.6, 1.0)]
    items = [KeyItem(half="search", boxes=(box,)) for box in boxes]
    level = chance_level(Metric.BOX_IOU, items, vocabulary_size=9)
    # Median: (0.2, 0, 0.6, 1), which is the third box here: 1/3, 3/8 and 1.
    assert level == pytest.approx((1 / 3 + 3 / 8 + 1) / 3)


def test_bigram_is_witten_bell() -> None:
    model = Bigram.count([(5, 1), (5, 1), (6, 1)], vocabulary_size=10)
    # Alone: 5 twice, 6 once, 1 three times: n 6, k 3.
    alone_5, alone_7 = (2 + 3 / 10) / 9, (0 + 3 / 10) / 9
    # At the start: 5 twice, 6 once: n 3, k 2.
    assert model.probability(5, after=-1) == pytest.approx((2 + 2 * alone_5) / 5)
    assert model.probability(7, after=-1) == pytest.approx(2 * alone_7 / 5)
    # Never seen after 9: the level alone.
    assert model.probability(5, after=9) == pytest.approx(alone_5)


def test_bigram_sums_to_one() -> None:
    model = Bigram.count([(5, 6, 1), (5, 1)], vocabulary_size=10)
    for after in (-1, 5, 6, 8):
        total = math.fsum(model.probability(token, after=after) for token in range(10))
        assert total == pytest.approx(1)


def test_token_nll_scores_each_half_by_the_other() -> None:
    def item(half: Part, *tokens: int) -> KeyItem:
        return KeyItem(half=half, tokens=tokens)

    items = [item("search", 3, 1), item("search", 3, 1), item("confirm", 4, 1)]
    by_search = Bigram.count([(3, 1), (3, 1)], 8)
    by_confirm = Bigram.count([(4, 1)], 8)
    expected = (2 * by_confirm.mean_nats((3, 1)) + by_search.mean_nats((4, 1))) / 3
    level = chance_level(Metric.TOKEN_NLL, items, vocabulary_size=8)
    assert level == pytest.approx(expected)
    assert level > 1  # its own half would have made it far easier


def test_mean_is_over_items_not_tokens() -> None:
    model = Bigram.count([(3, 1)], 8)
    nats = [-math.log(model.probability(3, after=-1)), -math.log(model.probability(1, after=3))]
    assert model.mean_nats((3, 1)) == pytest.approx(sum(nats) / 2)
