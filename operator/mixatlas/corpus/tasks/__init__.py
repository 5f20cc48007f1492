"""Task supervision: what each turn of a sample teaches, with the rule that says so.

Knows: the words of questions and answers, the styles that datasets and models ask in, notations
of boxes, the user's rules.
Never knows: files, images' pixels, concepts, tokens. All of it is pure functions of bounded cost.
Used by: the corpus build.
"""

from mixatlas.corpus.tasks.built_in import BUILT_IN, built_in_digest
from mixatlas.corpus.tasks.confusion import Confusion, confusion
from mixatlas.corpus.tasks.decisions import Decision, Decisions, add_up
from mixatlas.corpus.tasks.label import LabelledPart, TaskLabel, label_sample, label_turn
from mixatlas.corpus.tasks.settings import TaskRule, TaskSettings, TaskSource

__all__ = [
    "BUILT_IN",
    "Confusion",
    "Decision",
    "Decisions",
    "LabelledPart",
    "TaskLabel",
    "TaskRule",
    "TaskSettings",
    "TaskSource",
    "add_up",
    "built_in_digest",
    "confusion",
    "label_sample",
    "label_turn",
]
