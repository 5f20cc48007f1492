"""The tokenizer: whole words for questions and captions, letters and digits for what is read."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers

from demo_corpus.canvas import BACKGROUNDS, COLOURS, LOCATION_BINS, NUMBERS
from demo_corpus.documents import KEYS, LINE_BREAK
from demo_corpus.questions import MARK
from demo_corpus.screens import LABELS
from demo_corpus.sources import DIGITS, LETTERS, Stock

PAD, BOS, EOS, IMAGE, UNKNOWN = "<pad>", "<bos>", "<eos>", "<image>", "<unk>"
SPECIAL = (PAD, BOS, EOS, IMAGE, UNKNOWN)
_GRAMMAR = (
    "a b with lines starting page chart bars is highest on caption describe find the where box of "
    "detect all list please now image any there buttons lowest labels value what this which kind "
    "it side how many count them in read does say transcribe color text bar top bottom left right ;"
)
_MIN_ICON_WORDS = 6
"""A word of icons is a token of its own when it stands on so many; rarer ones are unknown."""


def vocabulary(training: Stock) -> list[str]:
    """Return all tokens, special ones first, the others sorted."""
    emoji_words = {
        word
        for categories in training.emoji.values()
        for emoji in categories.values()
        for one in emoji
        for word in one.words
    }
    counts = Counter(word for icon in training.icons for word in icon.words)
    icon_words = {word for word, count in counts.items() if count >= _MIN_ICON_WORDS}
    categories = {name for kinds in training.emoji.values() for name in kinds}
    locations = {f"<{index}>" for index in range(LOCATION_BINS + 1)}
    words = {LINE_BREAK, MARK, *_GRAMMAR.split(), *LETTERS, *DIGITS, *COLOURS, *BACKGROUNDS}
    words |= {*KEYS, *LABELS, *NUMBERS} | emoji_words | icon_words | categories | locations
    return [*SPECIAL, *sorted(words)]


def write_tokenizer(folder: Path, words: Iterable[str]) -> None:
    """Write a tokenizer folder in the Hugging Face layout."""
    tokenizer = Tokenizer(
        models.WordLevel({word: i for i, word in enumerate(words)}, unk_token=UNKNOWN)
    )
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in SPECIAL])
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": BOS,
        "eos_token": EOS,
        "pad_token": PAD,
        "unk_token": UNKNOWN,
        "image_token": IMAGE,
        "extra_special_tokens": {"image_token": IMAGE},
        "padding_side": "right",
        "model_max_length": 128,
        "clean_up_tokenization_spaces": False,
    }
    text = json.dumps(settings, indent=2, sort_keys=True) + "\n"
    (folder / "tokenizer_config.json").write_text(text, encoding="utf-8")
