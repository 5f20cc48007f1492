from __future__ import annotations

import pytest

from mixatlas.contract.errors import ContractViolation, NotYetSupported
from mixatlas.contract.manifest import BenchmarkManifest, ItemRecord, ItemShard
from mixatlas.contract.metrics import Metric
from mixatlas_trainer.metrics import check_supported, clustered_sem, read_box, score_answer


def score(metric: Metric, answer: str, pattern: str | None = None) -> float:
    manifest = BenchmarkManifest(
        name="b",
        metric=metric,
        chance=0,
        items=1,
        box_pattern=pattern,
        shards=(ItemShard(url="0.tar", sha256="0" * 64, items=1),),
    )
    item = ItemRecord(
        id="i", question="q", answers=("Two bars", "2"), boxes=((0.0, 0.0, 0.5, 1.0),)
    )
    return score_answer(manifest, item, answer)


@pytest.mark.parametrize(
    ("metric", "answer", "expected"),
    [
        (Metric.EXACT_MATCH, " two  BARS ", 1),
        (Metric.EXACT_MATCH, "2", 1),
        (Metric.EXACT_MATCH, "two", 0),
        (Metric.EXACT_MATCH, "", 0),
        (Metric.ANLS, "two bars", 1),
        (Metric.ANLS, "two cars", 7 / 8),
        (Metric.ANLS, "twoooooooooo", 0),
        (Metric.BOX_IOU, "0 0 499 999", 0.999),
        (Metric.BOX_IOU, "[0, 0, 999, 999]", 0.5),
        (Metric.BOX_IOU, "500 0 999 999", 0),
        (Metric.BOX_IOU, "999 999 0 0", 0),
        (Metric.BOX_IOU, "0 0 499", 0),
        (Metric.BOX_IOU, "no idea", 0),
    ],
)
def test_answers_are_scored(metric: Metric, answer: str, expected: float) -> None:
    assert score(metric, answer) == pytest.approx(expected, abs=2e-3)


def test_boxes_are_read_as_the_manifest_says() -> None:
    pattern = r"<(\d+)><(\d+)><(\d+)><(\d+)>"

    assert score(Metric.BOX_IOU, "<0><0><499><999>", pattern) == pytest.approx(1, abs=2e-3)
    assert score(Metric.BOX_IOU, "0 0 499 999", pattern) == 0
    assert read_box("<0><0><5000><1>", pattern) == (0, 0, 1, 1 / 999)


@pytest.mark.parametrize("pattern", ["(", r"(\d+)"])
def test_a_pattern_that_names_no_box_is_refused(pattern: str) -> None:
    with pytest.raises(ContractViolation, match="boxPattern"):
        read_box("1 2 3 4", pattern)


@pytest.mark.parametrize("metric", [Metric.ANY_OF, Metric.RELAXED_ACCURACY, Metric.VQA_ACCURACY])
def test_other_metrics_are_refused_by_name(metric: Metric) -> None:
    with pytest.raises(NotYetSupported, match=metric):
        check_supported(metric)


@pytest.mark.parametrize(
    ("scores", "clusters", "sem"),
    [
        ([0.0, 1.0], "ab", 0.5),
        ([0.0, 0.0, 1.0, 1.0], "abcd", 0.2886751),
        # Items of one image that agree count as one: as large as for two items.
        ([0.0, 0.0, 1.0, 1.0], "aabb", 0.5),
        # Items of one image that cancel each other leave no error between images.
        ([0.0, 1.0, 0.0, 1.0], "aabb", 0.0),
        ([0.3, 0.3, 0.3], "abc", 0.0),
    ],
    ids=["two", "independent", "agree", "cancel", "equal"],
)
def test_errors_are_clustered_by_image(scores: list[float], clusters: str, sem: float) -> None:
    assert clustered_sem(scores, list(clusters)) == pytest.approx(sem, abs=1e-6)


def test_one_image_gives_no_error() -> None:
    with pytest.raises(ContractViolation, match="show one image"):
        clustered_sem([0.1, 0.9], ["a", "a"])
