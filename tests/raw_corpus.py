"""Raw files as a user brings them to `corpus pack`: lines, images, a tokenizer, a configuration."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from PIL import Image
from tokenizers import Tokenizer, models, pre_tokenizers

WORDS = ("<unk>", "<eos>", "what", "is", "it", "?", "a", "red", "green", "blue", "square")
CONFIG = "tokenizer: tokenizer\nimageTokens: 4\n"


def png(colour: tuple[int, int, int], side: int = 4) -> bytes:
    """Return a plain picture."""
    file = io.BytesIO()
    Image.new("RGB", (side, side), colour).save(file, "PNG")
    return file.getvalue()


def write_raw(
    folder: Path,
    samples: Iterable[Mapping[str, Any] | str],
    *,
    items: Iterable[Mapping[str, Any] | str] | None = None,
    config: str = CONFIG,
) -> dict[str, Any]:
    """Write raw files and return the arguments of `pack`; its output goes to `folder/out`."""
    folder.mkdir(parents=True, exist_ok=True)
    write_tokenizer(folder / "tokenizer")
    (folder / "pack.yaml").write_text(config)
    write_lines(folder / "samples.jsonl", samples)
    arguments: dict[str, Any] = {
        "samples": folder / "samples.jsonl",
        "out": folder / "out",
        "config": folder / "pack.yaml",
    }
    if items is not None:
        write_lines(folder / "items.jsonl", items)
        arguments["items"] = folder / "items.jsonl"
    return arguments


def write_lines(path: Path, lines: Iterable[Mapping[str, Any] | str]) -> None:
    """Write JSON lines; text is written as it is."""
    with path.open("w") as file:
        for line in lines:
            file.write((line if isinstance(line, str) else json.dumps(line)) + "\n")


def write_tokenizer(folder: Path) -> None:
    """Write a tokenizer of whole words."""
    folder.mkdir(exist_ok=True)
    tokenizer = Tokenizer(
        models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="<unk>")
    )
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text('{"eos_token": "<eos>"}')


def a_sample(folder: Path, number: int = 0, **changes: Any) -> dict[str, Any]:
    """Return a line whose picture, different for every number, lies in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{number}.png"
    (folder / name).write_bytes(png((number % 256, number // 256, 9)))
    line = {
        "images": [name],
        "question": "what is it ?",
        "answer": "a red square",
        "concept": "photo",
        "task": "caption",
    }
    return line | changes


def an_item(folder: Path, number: int, **changes: Any) -> dict[str, Any]:
    """Return an item whose picture, different for every number, lies in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    name = f"item-{number}.png"
    (folder / name).write_bytes(png((number % 256, number // 256, 77)))
    line = {
        "benchmark": "colours",
        "images": [name],
        "question": "what is it ?",
        "answers": ["red" if number % 3 else "green"],
        "id": f"item-{number}",
    }
    return line | changes
