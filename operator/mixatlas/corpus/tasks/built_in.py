"""The built-in rules, in the order in which they are asked: the first that holds decides.

The order is the reasoning. What a model's own prompt language says comes first, since it cannot
mean anything else; then boxes in the answer, which no other task prints; then what fixes the form
of the answer so that other words of the question do not matter (options, a bare yes or no, given
OCR tokens); then what the question asks for: reading, classes, something to be written, captions;
and what is left is a question, by the form of its answer. A rule belongs where no rule above takes
what is its own.
"""

from __future__ import annotations

from collections.abc import Iterator

from mixatlas.contract.canonical import canonical_json, sha256_hex
from mixatlas.corpus.tasks import rules_of_captions, rules_of_form, rules_of_words
from mixatlas.corpus.tasks.boxes import NOTATIONS
from mixatlas.corpus.tasks.rule import PLACES, REGIONS, Reading, Rule

BUILT_IN = (
    *rules_of_form.NO_IMAGE,
    *rules_of_form.PROMPT_LANGUAGES,
    *rules_of_form.BOXES_IN_THE_ANSWER,
    *rules_of_words.FORM_OF_THE_ANSWER,
    *rules_of_words.READING,
    *rules_of_words.CLASSES,
    *rules_of_words.WRITING,
    *rules_of_captions.CAPTIONS,
    *rules_of_words.QUESTIONS,
)


def first_rule(turn: Reading) -> Rule | None:
    """Return the first built-in rule that holds for a turn, None where none does."""
    return next((rule for rule in BUILT_IN if rule.holds(turn)), None)


def built_in_digest() -> str:
    """Return the SHA-256 of all that decides: it belongs in the definition of each domain."""
    rules = [[rule.name, rule.task, *_conditions(rule)] for rule in BUILT_IN]
    notations = [[notation.pattern, notation.is_sure] for notation in NOTATIONS]
    return sha256_hex(canonical_json([rules, notations, PLACES.pattern, REGIONS.pattern]))


def _conditions(rule: Rule) -> Iterator[str]:
    for pattern in (rule.question, rule.unless, rule.answer):
        yield pattern.pattern if pattern else ""
    yield f"{rule.words} {rule.needs.value} {rule.lacks.value}"
