"""The reference of tasks is current, and its example is a document that does what it says."""

from __future__ import annotations

from pathlib import Path

import yaml

from mixatlas.contract.manifest import Turn
from mixatlas.corpus.tasks import BUILT_IN, TaskSettings, label_turn
from mixatlas.corpus.tasks.reference import EXAMPLE, render_tasks

PAGE = Path(__file__).parents[3] / "docs/reference/tasks.md"


def test_the_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == render_tasks(), "run `make generate`"


def test_no_cell_of_the_table_is_cut() -> None:
    assert all("|" not in rule.says for rule in BUILT_IN)


def test_the_example_labels() -> None:
    settings = TaskSettings.model_validate(yaml.safe_load(EXAMPLE)["tasks"])
    turn = Turn(question="Which defect is this?", answer="scratch")
    assert label_turn(turn, has_image=True, settings=settings).rule == "defects"
