"""What may change while a search runs, and what is named when it has."""

from __future__ import annotations

from pathlib import Path

import pytest

from mixatlas.spec.editable import drift
from mixatlas.spec.load import load_search

GOOD = (Path(__file__).parent / "good.yaml").read_text(encoding="utf-8")
ACCEPTED = load_search(GOOD)


def after(old: str, new: str) -> tuple[str, ...]:
    """Return the drift after one change of the text."""
    assert old in GOOD
    return drift(ACCEPTED, load_search(GOOD.replace(old, new, 1)))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("maxTrials: 64", "maxTrials: 8"),
        ("parallelism: 8", "parallelism: 0"),
        ("patience: 16", "patience: 4"),
        ('    stop: {patience: 16, minImprovement: "0.001"}\n', ""),
        ("seeds: 5", "seeds: 8"),
        ('gpuHours: "200"', 'gpuHours: "300"'),
        ("retries: 3", "retries: 0"),
        ("suspend: false", "suspend: true"),
        ("  suspend: false", "  suspend: false\n  conclude: Now"),
        ("  output: {configMap: llava-mixture, formats: [csv, json]}\n", ""),
    ],
)
def test_these_may_change(old: str, new: str) -> None:
    assert after(old, new) == ()


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("seed: 7", "seed: 8", ("spec.search.seed",)),
        ("initialTrials: 16", "initialTrials: 17", ("spec.search.initialTrials",)),
        ("tokens: 50000000\n", "tokens: 60000000\n", ("spec.proxy.tokens",)),
        ('max: "0.5"', 'max: "0.6"', ("spec.space.bounds",)),
        ("bucket: mixatlas", "bucket: other", ("spec.storage.bucket",)),
        (
            "activeDeadlineSeconds: 3600",
            "activeDeadlineSeconds: 60",
            ("spec.proxy.jobTemplate.spec.activeDeadlineSeconds",),
        ),
        ("model_type: llava", "model_type: lava", ("spec.proxy.trainer.model.config.model_type",)),
        (
            "  target: {tokens: 50000000000, parameters: 7000000000}",
            "  target: {tokens: 50000000000}",
            ("spec.target.parameters",),
        ),
    ],
)
def test_these_are_named(old: str, new: str, named: tuple[str, ...]) -> None:
    assert after(old, new) == named


def test_several_are_named_in_order() -> None:
    text = GOOD.replace("seed: 7", "seed: 8").replace("scale: Normalized", "scale: Raw")
    assert drift(ACCEPTED, load_search(text)) == ("spec.objective.scale", "spec.search.seed")


def test_the_order_of_a_map_is_no_change_but_of_a_list_it_is() -> None:
    terms = '{domain: document.ocr, coefficient: "1"}', '{domain: document.vqa, coefficient: "-2"}'
    assert after(", ".join(terms), ", ".join(terms[::-1])) == ()
    patterns = '"document.*", "chart.*"', '"chart.*", "document.*"'
    assert after(*patterns) == ("spec.space.groups",)


def test_a_default_that_is_written_out_is_no_change() -> None:
    assert after("    scale: Normalized\n", "") == ()
    assert after("name: llava", "name: llava\n  labels: {team: vision}") == ()
