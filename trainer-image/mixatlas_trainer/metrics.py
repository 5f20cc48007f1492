"""Scores of items, and their mean with its standard error."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from mixatlas.contract.errors import ContractViolation, NotYetSupported
from mixatlas.contract.manifest import BenchmarkManifest, ItemRecord
from mixatlas.contract.metrics import Metric
from mixatlas.contract.scoring import anls, box_iou, exact_match

GENERATED = (Metric.EXACT_MATCH, Metric.ANLS, Metric.BOX_IOU)
SUPPORTED = (*GENERATED, Metric.TOKEN_NLL)

BOX_PATTERN = r"(\d+)\D+(\d+)\D+(\d+)\D+(\d+)"
BOX_UNIT = 999
"""Boxes are answered as integers from 0 to this number."""

_MAX_ANSWER = 1000


def check_supported(metric: Metric) -> None:
    """Refuse a metric that this trainer does not compute.

    Raises:
        NotYetSupported: It names the metric.
    """
    if metric not in SUPPORTED:
        raise NotYetSupported(
            f"benchmarks: metric {metric} is not computed by this trainer",
            hint=f"It computes {', '.join(SUPPORTED)}.",
        )


def score_answer(manifest: BenchmarkManifest, item: ItemRecord, answer: str) -> float:
    """Score one generated answer, 0 to 1.

    Args:
        manifest: Names the metric and how boxes are written.
        item: With its right answers or boxes.
        answer: Generated text.

    Raises:
        ContractViolation: The manifest's `boxPattern` cannot be used.
    """
    # Bounds the time of Levenshtein distances and of patterns from elsewhere.
    answer = answer[:_MAX_ANSWER]
    if manifest.metric is Metric.EXACT_MATCH:
        return exact_match(answer, item.answers)
    if manifest.metric is Metric.ANLS:
        return anls(answer, item.answers)
    box = read_box(answer, manifest.box_pattern or BOX_PATTERN)
    return box_iou(box, item.boxes) if box is not None else 0.0


def read_box(answer: str, pattern: str) -> tuple[float, float, float, float] | None:
    """Return the first box in a text as fractions of the image, None without one.

    Args:
        answer: Generated text.
        pattern: Regular expression with four groups, each an integer from 0 to 999.

    Raises:
        ContractViolation: The pattern has not four groups, or is no regular expression.

    Example:
        >>> read_box("at 0, 0, 999 and 999", BOX_PATTERN)
        (0.0, 0.0, 1.0, 1.0)
    """
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise ContractViolation(f"boxPattern {pattern!r}: {error}") from error
    if compiled.groups != 4:
        raise ContractViolation(
            f"boxPattern {pattern!r} has {compiled.groups} groups",
            hint="It needs four, one a coordinate.",
        )
    match = compiled.search(answer)
    if match is None or not all(group and group.isdecimal() for group in match.groups()):
        return None
    x0, y0, x1, y1 = (min(int(group), BOX_UNIT) / BOX_UNIT for group in match.groups())
    return x0, y0, x1, y1


def clustered_sem(scores: Sequence[float], clusters: Sequence[str]) -> float:
    """Return the standard error of the mean of scores that come in clusters.

    With e_g the sum over cluster g of (score − mean), G clusters and n scores, it is
    sqrt(G / (G − 1) · Σ e_g²) / n: for clusters of one, the usual standard error.

    Args:
        scores: One an item; finite.
        clusters: The item's image. Items of one image share their errors.

    Raises:
        ContractViolation: There are fewer than two clusters, so that no error can be told.

    Example:
        >>> round(clustered_sem([0.0, 1.0, 0.0, 1.0], ["a", "b", "c", "d"]), 4)
        0.2887
    """
    mean = math.fsum(scores) / len(scores)
    sums: dict[str, float] = {}
    for score, cluster in zip(scores, clusters, strict=True):
        sums[cluster] = sums.get(cluster, 0.0) + (score - mean)
    n_clusters = len(sums)
    if n_clusters < 2:
        raise ContractViolation(
            "all items of a benchmark's half show one image",
            hint="A standard error needs at least two images.",
        )
    squares = math.fsum(total * total for total in sums.values())
    return math.sqrt(n_clusters / (n_clusters - 1) * squares) / len(scores)
