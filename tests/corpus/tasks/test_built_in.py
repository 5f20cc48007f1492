"""The built-in rules on turns in the datasets' styles, and on any text at all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mixatlas.contract.manifest import TASKS, Turn
from mixatlas.corpus.tasks import BUILT_IN, TaskLabel, TaskSettings, built_in, label_turn

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    turn: Turn
    has_image: bool
    task: str
    style: str

    def label(self) -> TaskLabel:
        return label_turn(self.turn, has_image=self.has_image, settings=TaskSettings())


def examples(name: str) -> Iterator[Example]:
    for group in yaml.safe_load((HERE / name).read_text(encoding="utf-8")):
        for question, answer in group["turns"]:
            yield Example(
                turn=Turn(question=question, answer=answer),
                has_image=group.get("image", True),
                task=group["task"],
                style=group["style"],
            )


EXAMPLES = list(examples("examples.yaml"))
HELD_OUT = [*examples("held_out.yaml"), *examples("held_out_again.yaml")]


@pytest.mark.parametrize(
    "example",
    EXAMPLES + HELD_OUT,
    ids=[f"{number}-{one.style[:40]}" for number, one in enumerate(EXAMPLES + HELD_OUT)],
)
def test_turn_in_a_dataset_s_style(example: Example) -> None:
    label = example.label()
    assert label.task == example.task, label


def test_the_examples_are_many_and_of_every_task() -> None:
    assert len(EXAMPLES) >= 150
    assert {example.task for example in EXAMPLES} == set(TASKS)


def test_every_rule_decides_an_example() -> None:
    used = Counter(example.label().rule for example in EXAMPLES)
    assert [rule.name for rule in BUILT_IN if rule.name not in used] == []


def test_rules_have_names_of_their_own_and_confidences() -> None:
    names = [rule.name for rule in BUILT_IN]
    assert len(set(names)) == len(names)
    assert all(0 < rule.confidence < 1 and rule.task in TASKS for rule in BUILT_IN)


def test_confident_rules_are_right_more_often() -> None:
    sure = [one for one in HELD_OUT if one.label().confidence >= 0.9]
    right = sum(one.label().task == one.task for one in sure)
    assert right / len(sure) >= 0.97


@pytest.mark.parametrize("example", EXAMPLES[::7], ids=lambda example: example.style[:40])
def test_without_an_image_nothing_is_supervised_by_one(example: Example) -> None:
    label = replace(example, has_image=False).label()
    assert (label.task, label.rule) == ("other", "no-image")


@given(st.text(), st.text(min_size=1), st.booleans())
def test_any_text_has_one_label(question: str, answer: str, has_image: bool) -> None:
    turn = Turn.model_construct(question=question, answer=answer)
    label = label_turn(turn, has_image=has_image, settings=TaskSettings())
    assert label.task in TASKS
    assert 0 <= label.confidence <= 1


PIECES = st.sampled_from(
    [
        "<image>",
        "[",
        "(",
        "0.1, ",
        "12 ",
        "<loc0001>",
        "describe ",
        "what is ",
        "read the ",
        "text ",
        "A. ",
        "\n",
        "one of:",
        "<box>",
        "is this a ",
        ", or ",
        "?",
        "bbox",
        "\\begin{",
        "|",
        "```",
    ]
)


@given(st.lists(PIECES, max_size=60), st.lists(PIECES, min_size=1, max_size=60))
def test_any_heap_of_cues_has_one_label(question: list[str], answer: list[str]) -> None:
    turn = Turn(question="".join(question), answer="".join(answer))
    assert label_turn(turn, has_image=True, settings=TaskSettings()).task in TASKS


def test_the_digest_follows_what_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    before = built_in.built_in_digest()
    reworded = replace(BUILT_IN[0], says="otherwise said", confidence=0.5)
    monkeypatch.setattr(built_in, "BUILT_IN", (reworded, *BUILT_IN[1:]))
    assert built_in.built_in_digest() == before
    monkeypatch.setattr(built_in, "BUILT_IN", (BUILT_IN[1], BUILT_IN[0], *BUILT_IN[2:]))
    assert built_in.built_in_digest() != before
