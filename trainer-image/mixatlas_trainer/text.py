"""Text to token ids: a tokenizer folder in the Hugging Face layout, and how a sample is laid out.

Without a chat template a sample is: begin token if the tokenizer has one, `<image>` once for
each image token, then each turn as question, answer, end token. With one, the template lays out
the turns; `<image>` and a line break stand before the first question. Only answers with their end
token are supervised.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import final

from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

from mixatlas.contract.errors import ContractViolation
from mixatlas.contract.manifest import Turn

IMAGE_TOKEN = "<image>"  # noqa: S105  a token of text, not a secret
IGNORED = -100
"""Label of a position that the loss leaves out."""

_CONFIG = "tokenizer_config.json"
_MEMORY = 8192  # texts; questions repeat a lot


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Token ids of a sample, and its labels: the same where supervised, else `IGNORED`."""

    ids: list[int]
    labels: list[int]


@final
class TextEncoder:
    """Lays out samples and prompts as token ids, and turns ids back into text.

    Args:
        folder: `tokenizer.json` and `tokenizer_config.json`, optionally `chat_template.jinja`.
        image_tokens: Positions that one image takes.

    Raises:
        ContractViolation: A file is missing or broken, or there is no end token or `<image>`.
    """

    def __init__(self, folder: Path, image_tokens: int) -> None:
        try:
            self._tokenizer = Tokenizer.from_str((folder / "tokenizer.json").read_text("utf-8"))
            config = json.loads((folder / _CONFIG).read_text("utf-8"))
        except Exception as error:  # the Rust tokenizer raises bare Exception
            raise ContractViolation(
                f"tokenizer: {error}",
                hint=f"The folder must hold tokenizer.json and {_CONFIG} that transformers reads.",
            ) from error
        template = folder / "chat_template.jinja"
        self._template = (
            template.read_text("utf-8") if template.exists() else config.get("chat_template")
        )
        eos = self._special(config, "eos_token")
        if eos is None:
            raise ContractViolation(
                f"tokenizer: {_CONFIG} names no eos_token of the vocabulary",
                hint="Answers end with it; without one a model never learns to stop.",
            )
        self.eos_id = eos
        pad = self._special(config, "pad_token")
        self.pad_id = eos if pad is None else pad
        bos = self._special(config, "bos_token") if config.get("add_bos_token", True) else None
        self._bos = [] if bos is None else [bos]
        self._image_tokens = image_tokens
        image = self._tokenizer.token_to_id(IMAGE_TOKEN)
        if image is None and image_tokens:
            raise ContractViolation(
                f"tokenizer: it has no {IMAGE_TOKEN} token",
                hint=f"Add {IMAGE_TOKEN} as a special token; images stand at its positions.",
            )
        self.image_id: int | None = image
        self.size: int = self._tokenizer.get_vocab_size(with_added_tokens=True)
        self._ids = lru_cache(_MEMORY)(self._encode)
        self._chat = self._chat_renderer(config) if self._template else None

    def sample(self, turns: Sequence[Turn], *, n_images: int) -> Layout:
        """Lay out all turns of a sample.

        Raises:
            ContractViolation: The chat template cannot be used for training.
        """
        ids: list[int] = []
        labels: list[int] = []
        for piece, is_supervised in self._turn_pieces(turns, n_images):
            ids.extend(piece)
            labels.extend(piece if is_supervised else [IGNORED] * len(piece))
        return Layout(ids=ids, labels=labels)

    def prompt(self, question: str, *, n_images: int) -> tuple[int, ...]:
        """Lay out a question up to where its answer begins."""
        if self._chat is not None:
            message = {"role": "user", "content": self._first(question, n_images)}
            return tuple(self._expand(self._ids(self._render([message], True))))
        return (*self._opening(n_images), *self._ids(question))

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of generated ids, special tokens left out."""
        return str(self._tokenizer.decode(list(ids), skip_special_tokens=True))

    def length(self, text: str) -> int:
        """Return the number of tokens of a text alone."""
        return len(self._ids(text))

    def _turn_pieces(
        self, turns: Sequence[Turn], n_images: int
    ) -> list[tuple[Sequence[int], bool]]:
        if self._chat is not None:
            return self._chat_pieces(turns, n_images)
        pieces: list[tuple[Sequence[int], bool]] = [(self._opening(n_images), False)]
        for turn in turns:
            pieces.append((self._ids(turn.question), False))
            pieces.append(((*self._ids(turn.answer), self.eos_id), True))
        return pieces

    def _opening(self, n_images: int) -> list[int]:
        if self.image_id is None:
            return self._bos
        return self._bos + [self.image_id] * (self._image_tokens * n_images)

    def _chat_pieces(
        self, turns: Sequence[Turn], n_images: int
    ) -> list[tuple[Sequence[int], bool]]:
        messages: list[dict[str, str]] = []
        pieces: list[tuple[Sequence[int], bool]] = []
        done = ""
        for number, turn in enumerate(turns):
            question = turn.question if number else self._first(turn.question, n_images)
            messages.append({"role": "user", "content": question})
            prompt = self._render(messages, True)
            messages.append({"role": "assistant", "content": turn.answer})
            full = self._render(messages, False)
            if not prompt.startswith(done) or not full.startswith(prompt):
                raise ContractViolation(
                    "tokenizer: its chat template rewrites earlier turns when one is added",
                    hint="Use a template whose text only grows, or remove it.",
                )
            pieces.append((self._expand(self._ids(prompt[len(done) :])), False))
            answer = self._ids(full[len(prompt) :])
            # What the template puts after the end token is never generated, so not learnt.
            end = answer.index(self.eos_id) + 1 if self.eos_id in answer else len(answer)
            pieces.extend([(answer[:end], True), (answer[end:], False)])
            done = full
        return pieces

    def _first(self, question: str, n_images: int) -> str:
        return f"{IMAGE_TOKEN}\n" * n_images + question

    def _expand(self, ids: Sequence[int]) -> list[int]:
        expanded: list[int] = []
        for token in ids:
            expanded.extend([token] * (self._image_tokens if token == self.image_id else 1))
        return expanded

    def _encode(self, text: str) -> tuple[int, ...]:
        return tuple(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def _special(self, config: dict[str, object], name: str) -> int | None:
        value = config.get(name)
        content = value.get("content") if isinstance(value, dict) else value
        found = self._tokenizer.token_to_id(content) if isinstance(content, str) else None
        return None if found is None else int(found)

    def _chat_renderer(self, config: dict[str, object]) -> PreTrainedTokenizerFast:
        names = {
            key: value.get("content") if isinstance(value, dict) else value
            for key in ("bos_token", "eos_token", "pad_token", "unk_token")
            if (value := config.get(key))
        }
        return PreTrainedTokenizerFast(tokenizer_object=self._tokenizer, **names)

    def _render(self, messages: list[dict[str, str]], prompt: bool) -> str:
        assert self._chat is not None  # noqa: S101  callers ask for it
        return str(
            self._chat.apply_chat_template(
                messages,
                chat_template=self._template,
                tokenize=False,
                add_generation_prompt=prompt,
            )
        )
