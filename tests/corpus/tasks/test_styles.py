"""How right the built-in rules are on the words of public datasets, through `corpus build`.

The rules were made for `development`. `held_out` (.919 when it was first measured) and
`held_out_again` (.837, drawn by chance from pools of prompts) have taught them since.
`held_out_last`, drawn by chance from public annotations when the rules were as they are, has taught
them nothing: change no rule for it, draw another set instead.
"""

from __future__ import annotations

import pytest

from mixatlas.contract.manifest import TASKS
from mixatlas.corpus.tasks import Confusion
from style_sources import STYLES, confusions, read_styles

GOAL = 0.97
LEAST = {
    "development": 0.99,
    "held_out": GOAL,
    "held_out_again": 0.93,  # 21 of 172 are classes asked for as questions are
    "held_out_last": GOAL,
}
FORMATS = (
    "Llava",
    "Cauldron",
    "WebDataset",
    "CocoCaptions",
    "CocoInstances",
    "Grounding",
    "HfDataset",
)  # not Folder: half of its turns outside of captions ask for a class


@pytest.fixture(scope="module")
def by_set(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Confusion]]:
    folder = tmp_path_factory.mktemp("styles")
    return {name: confusions(folder / name, read_styles(name)) for name in LEAST}


def _sum(found: list[Confusion]) -> Confusion:
    return sum(found, Confusion())


@pytest.mark.parametrize("name", LEAST)
def test_tasks_of_a_set(by_set: dict[str, dict[str, Confusion]], name: str) -> None:
    total = _sum(list(by_set[name].values()))
    assert total.n == len(read_styles(name))
    assert (total.accuracy or 0) >= LEAST[name]


@pytest.mark.parametrize("format_", FORMATS)
def test_tasks_of_a_format(by_set: dict[str, dict[str, Confusion]], format_: str) -> None:
    total = _sum([found[format_] for found in by_set.values() if format_ in found])
    assert (total.accuracy or 0) >= GOAL


def test_classes_are_what_is_taken_for_questions(by_set: dict[str, dict[str, Confusion]]) -> None:
    total = _sum([one for found in by_set.values() for one in found.values()])
    recalls = {task: total.recall(task) or 0 for task in TASKS}
    assert 0.65 <= recalls.pop("classification") < GOAL
    assert min(recalls.values()) >= GOAL
    assert all((total.precision(task) or 0) >= GOAL for task in ("classification", "detection"))


def test_every_set_is_measured_and_says_where_its_words_come_from() -> None:
    assert {path.stem for path in STYLES.glob("*.jsonl")} == set(LEAST)
    for name in LEAST:
        for row in read_styles(name):
            assert row["task"] in TASKS
            assert row["origin"]
