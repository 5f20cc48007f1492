from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mixatlas.contract.errors import ContractViolation
from mixatlas.contract.manifest import Turn
from mixatlas_trainer.text import IGNORED, Layout, TextEncoder
from trainer_builders import WORDS, write_tokenizer

TURNS = (
    Turn(question="what is it", answer="red light"),
    Turn(question="where is it", answer="dark"),
)
CHATML = (
    "{% for m in messages %}w1 {{ m['role'] }} {{ m['content'] }} <eos> w2 {% endfor %}"
    "{% if add_generation_prompt %}w1 assistant {% endif %}"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_tokenizer(tmp_path / "tokenizer")
    return tmp_path / "tokenizer"


def configure(folder: Path, **changes: Any) -> None:
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def words(ids: list[int]) -> str:
    return " ".join(WORDS[i] for i in ids)


def supervised(layout: Layout) -> str:
    return words([label for label in layout.labels if label != IGNORED])


def test_a_sample_is_begin_image_questions_and_answers_with_their_end(folder: Path) -> None:
    layout = TextEncoder(folder, 2).sample(TURNS, n_images=1)

    assert words(layout.ids) == (
        "<bos> <image> <image> what is it red light <eos> where is it dark <eos>"
    )
    assert supervised(layout) == "red light <eos> dark <eos>"


def test_a_prompt_is_the_sample_up_to_the_answer(folder: Path) -> None:
    encoder = TextEncoder(folder, 2)
    prompt = encoder.prompt("what is it", n_images=1)

    assert list(prompt) == encoder.sample(TURNS, n_images=1).ids[: len(prompt)]
    assert words(list(prompt)) == "<bos> <image> <image> what is it"
    assert encoder.decode([*prompt, 2]) == "what is it"


def test_without_a_begin_token_nothing_stands_in_front(folder: Path) -> None:
    configure(folder, add_bos_token=False)

    assert words(TextEncoder(folder, 2).sample(TURNS[:1], n_images=0).ids).startswith("what is")


def test_a_chat_template_lays_out_the_turns(folder: Path) -> None:
    configure(folder, chat_template=CHATML)
    encoder = TextEncoder(folder, 2)
    layout = encoder.sample(TURNS, n_images=1)
    prompt = encoder.prompt("what is it", n_images=1)

    assert words(layout.ids) == (
        "w1 <pad> <image> <image> what is it <eos> w2 w1 <pad> red light <eos> w2 "
        "w1 <pad> where is it <eos> w2 w1 <pad> dark <eos> w2"
    )
    # What the template puts behind the end is never generated.
    assert supervised(layout) == "red light <eos> dark <eos>"
    assert layout.ids[: len(prompt)] == list(prompt)


def test_a_template_that_rewrites_the_past_is_refused(folder: Path) -> None:
    configure(folder, chat_template="{{ messages | length }} {{ messages[-1]['content'] }}")

    with pytest.raises(ContractViolation, match="rewrites earlier turns"):
        TextEncoder(folder, 2).sample(TURNS, n_images=0)


def test_a_template_cannot_run_code(folder: Path) -> None:
    configure(folder, chat_template="{{ ''.__class__.__mro__ }}")

    with pytest.raises(Exception, match="unsafe"):
        TextEncoder(folder, 2).sample(TURNS, n_images=0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"eos_token": None}, "names no eos_token"), ({"eos_token": "<no>"}, "names no eos_token")],
)
def test_a_tokenizer_without_an_end_is_refused(
    folder: Path, changes: dict[str, Any], message: str
) -> None:
    configure(folder, **changes)

    with pytest.raises(ContractViolation, match=message):
        TextEncoder(folder, 2)


def test_a_broken_tokenizer_is_refused(folder: Path) -> None:
    (folder / "tokenizer.json").write_text("{}")

    with pytest.raises(ContractViolation, match="tokenizer:"):
        TextEncoder(folder, 2)
