"""What rules see of a turn: bounded heads, without what is no word of the question."""

from __future__ import annotations

import pytest

from mixatlas.corpus.tasks.rule import (
    ANSWER_HEAD,
    MAX_WORDS,
    QUESTION_HEAD,
    QUESTION_TAIL,
    Fact,
    read_turn,
)


@pytest.mark.parametrize(
    "question",
    [
        "<image>\nWhat?",
        "What?\n<image>",
        "<image><image>What?",
        "Picture 1: <img>a/b.jpg</img>What?",
        "<|vision_start|><|image_pad|><|vision_end|>What?",
        "<image 1> What?",
        "<|image_1|>\nWhat?",
        "Question: What?",
        "USER: <image>\nWhat?",
        "[IMG]What?",
        "<image_placeholder>What?",
    ],
)
def test_placeholders_and_speakers_are_no_words(question: str) -> None:
    reading = read_turn(question, "x", has_image=True)
    assert reading.question == "What?"
    assert reading.facts == Fact.IMAGE | Fact.QUESTION


def test_only_a_placeholder_is_no_question() -> None:
    assert Fact.QUESTION not in read_turn("<image>\n", "x", has_image=True).facts


def test_ocr_tokens_are_a_fact_and_no_words() -> None:
    reading = read_turn("who?\nReference OCR token: read, the, text\nShort.", "x", has_image=True)
    assert reading.question == "who?\n\nShort."
    assert Fact.OCR_TOKENS in reading.facts


def test_of_megabytes_heads_are_seen() -> None:
    question = "describe " + "x" * 3_000_000 + " yes or no?"
    reading = read_turn(question, "word " * 1_000_000, has_image=True)
    assert len(reading.question) <= QUESTION_HEAD + QUESTION_TAIL + 1
    assert reading.question.startswith("describe ")
    assert reading.question.endswith(" yes or no?")
    assert len(reading.answer) <= ANSWER_HEAD
    assert reading.n_words == MAX_WORDS + 1


@pytest.mark.parametrize(
    ("answer", "n"),
    [
        ("a red kite", 3),
        ("  ", 0),
        ("don't", 1),
        ("一只猫", 3),
        ("ok 猫", 2),
        ("w " * 500, MAX_WORDS),
    ],
)
def test_words_are_counted(answer: str, n: int) -> None:
    assert read_turn("", answer, has_image=True).n_words == n


def test_one_long_word_is_more_than_any_limit() -> None:
    reading = read_turn("", "x" * (ANSWER_HEAD + 1), has_image=True)
    assert reading.n_words == MAX_WORDS + 1
