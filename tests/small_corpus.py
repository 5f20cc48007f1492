"""A small real corpus on disk: coloured squares with captions and questions."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image
from tokenizers import Tokenizer, models, pre_tokenizers

from mixatlas.corpus import PackReport, pack

COLORS = {
    "red": (210, 40, 40),
    "green": (40, 160, 60),
    "blue": (40, 70, 200),
    "black": (20, 20, 20),
}
SPECIAL = ("<pad>", "<bos>", "<eos>", "<image>", "<unk>")
WORDS = ("a", "square", "stripe", "color", "what", "is", "it", "?", "caption", *COLORS)
TOKENIZER_CONFIG = {
    "tokenizer_class": "PreTrainedTokenizerFast",
    "pad_token": "<pad>",
    "bos_token": "<bos>",
    "eos_token": "<eos>",
    "unk_token": "<unk>",
}


def make_corpus(folder: Path, *, samples: int = 24, items: int = 90) -> PackReport:
    """Pack four domains (square, stripe × caption, vqa) and two benchmarks of `items` items each.

    Args:
        folder: Where raw files and the packed corpus (`folder/corpus`) go.
        samples: Of each domain.
        items: Of each benchmark, both halves together.
    """
    raw = folder / "raw"
    (raw / "images").mkdir(parents=True)
    write_tokenizer(raw / "tokenizer")
    rng = np.random.default_rng(7)
    with (raw / "samples.jsonl").open("w") as lines:
        for concept in ("square", "stripe"):
            for i in range(samples):
                name = f"images/{concept}-{i}.png"
                color = _draw(raw / name, concept, rng)
                for task, question, answer in (
                    ("caption", "caption", f"a {color} {concept}"),
                    ("vqa", "what color is it ?", color),
                ):
                    line = {"images": [name], "question": question, "answer": answer}
                    print(json.dumps(line | {"concept": concept, "task": task}), file=lines)
    with (raw / "items.jsonl").open("w") as lines:
        for benchmark, concept in (("squares", "square"), ("stripes", "stripe")):
            for i in range(items):
                name = f"images/item-{concept}-{i}.png"
                color = _draw(raw / name, concept, rng)
                item = {"benchmark": benchmark, "images": [name], "id": f"{benchmark}-{i}"}
                print(
                    json.dumps(item | {"question": "what color is it ?", "answers": [color]}),
                    file=lines,
                )
    (raw / "pack.yaml").write_text(
        "tokenizer: tokenizer\nimageTokens: 4\nbenchmarks:\n"
        "  - {name: squares, metric: TokenNll}\n  - {name: stripes, metric: TokenNll}\n"
    )
    return pack(
        raw / "samples.jsonl",
        folder / "corpus",
        config=raw / "pack.yaml",
        items=raw / "items.jsonl",
    )


def write_tokenizer(folder: Path) -> None:
    """Write a word-level tokenizer in the Hugging Face layout."""
    folder.mkdir(parents=True)
    vocabulary = {word: i for i, word in enumerate((*SPECIAL, *WORDS))}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.add_special_tokens(list(SPECIAL))
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps(TOKENIZER_CONFIG))


def _draw(path: Path, concept: str, rng: np.random.Generator) -> str:
    """Draw a picture of 16 × 16 pixels; return its colour. Noise makes every picture its own."""
    color = list(COLORS)[rng.integers(len(COLORS))]
    pixels = rng.integers(200, 256, (16, 16, 3)).astype(np.uint8)
    if concept == "square":
        pixels[4:12, 4:12] = COLORS[color]
    else:
        pixels[6:10, :] = COLORS[color]
    Image.fromarray(pixels).save(path)
    return color
