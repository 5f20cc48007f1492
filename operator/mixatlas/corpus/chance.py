"""Chance: the level of a predictor that sees neither image nor question.

For metrics that compare answers it is the constant answer (or box) with the best mean score. For
TokenNll it is a bigram over answer tokens with Witten-Bell smoothing (1991), each half of the
items scored by the counts of the other.
"""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mixatlas.contract.manifest import Part
from mixatlas.contract.metrics import Metric
from mixatlas.contract.scoring import Box, anls, box_iou, exact_match

MAX_CANDIDATES = 256
"""Constant answers tried, the most frequent first: rarer ones hardly score elsewhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyItem:
    """What chance needs of an item: no image, no question.

    Args:
        half: The half that its image's hash puts it in.
        answers: Right answers.
        boxes: Right boxes, [x0, y0, x1, y1] in 0 to 1.
        tokens: Ids of the first answer with the end token; () unless the metric is TokenNll.
    """

    half: Part
    answers: tuple[str, ...] = ()
    boxes: tuple[tuple[float, float, float, float], ...] = ()
    tokens: tuple[int, ...] = ()


def chance_level(metric: Metric, items: Sequence[KeyItem], *, vocabulary_size: int) -> float:
    """Return the level of a benchmark that needs neither image nor question.

    Args:
        metric: One that our trainer scores.
        items: All items; under TokenNll both halves have some.
        vocabulary_size: Number of tokens, the end token included.

    Returns:
        A score in the metric's own direction: 0 to 1, or for TokenNll the mean over items of
        the mean nats an answer token, end token included.
    """
    if metric is Metric.TOKEN_NLL:
        return _blind_nll(items, vocabulary_size)
    if metric is Metric.BOX_IOU:
        return max(
            statistics.fmean(box_iou(box, item.boxes) for item in items)
            for box in _candidate_boxes(items)
        )
    score = exact_match if metric is Metric.EXACT_MATCH else anls
    return max(
        statistics.fmean(score(answer, item.answers) for item in items)
        for answer in _most_frequent(answer for item in items for answer in set(item.answers))
    )


def _most_frequent(values: Iterable[str]) -> list[str]:
    ranked = sorted(Counter(values).items(), key=lambda pair: (-pair[1], pair[0]))
    return [value for value, _ in ranked[:MAX_CANDIDATES]]


def _candidate_boxes(items: Sequence[KeyItem]) -> list[Box]:
    """Return the items' most frequent boxes, their median, and the whole image."""
    boxes = [box for item in items for box in item.boxes]
    ranked = sorted(Counter(boxes).items(), key=lambda pair: (-pair[1], pair[0]))
    median = [statistics.median(coordinates) for coordinates in zip(*boxes, strict=True)]
    return [*(box for box, _ in ranked[:MAX_CANDIDATES]), median, (0.0, 0.0, 1.0, 1.0)]


def _blind_nll(items: Sequence[KeyItem], vocabulary_size: int) -> float:
    halves = {half: [item.tokens for item in items if item.half == half] for half in _HALVES}
    models = {half: Bigram.count(halves[half], vocabulary_size) for half in _HALVES}
    other: dict[Part, Part] = {"search": "confirm", "confirm": "search"}
    return statistics.fmean(models[other[item.half]].mean_nats(item.tokens) for item in items)


_HALVES: tuple[Part, ...] = ("search", "confirm")


@dataclass(frozen=True, slots=True)
class Bigram:
    """Counts of a bigram model; position -1 is the start of an answer.

    Args:
        after: Counts of each token after each token.
        anywhere: Counts of each token.
        vocabulary_size: Number of tokens that share what is left for unseen ones.
    """

    after: dict[int, Counter[int]]
    anywhere: Counter[int]
    vocabulary_size: int

    @classmethod
    def count(cls, answers: Iterable[Sequence[int]], vocabulary_size: int) -> Bigram:
        """Count the answers' tokens."""
        after: dict[int, Counter[int]] = {}
        anywhere: Counter[int] = Counter()
        for tokens in answers:
            anywhere.update(tokens)
            for previous, token in zip((-1, *tokens), tokens, strict=False):
                after.setdefault(previous, Counter())[token] += 1
        return cls(after, anywhere, vocabulary_size)

    def mean_nats(self, tokens: Sequence[int]) -> float:
        """Return the mean negative log probability of an answer's tokens."""
        pairs = zip((-1, *tokens), tokens, strict=False)
        return statistics.fmean(-math.log(self.probability(t, after=p)) for p, t in pairs)

    def probability(self, token: int, *, after: int) -> float:
        """Return P(token | after): as many doubts as distinct tokens have been seen there.

        P(t | s) = (n(s, t) + k(s) P(t)) / (n(s) + k(s)), k(s) the number of distinct tokens
        after s; P(t) likewise, backed by the uniform distribution.
        """
        uniform = 1 / self.vocabulary_size
        alone = _witten_bell(self.anywhere, token, uniform)
        return _witten_bell(self.after.get(after, Counter()), token, alone)


def _witten_bell(counts: Counter[int], token: int, backing: float) -> float:
    distinct = len(counts)
    if distinct == 0:
        return backing
    return (counts[token] + distinct * backing) / (counts.total() + distinct)
