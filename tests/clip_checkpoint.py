"""A CLIP that knows some colours, and pictures of them."""

from __future__ import annotations

import io
import random
from collections.abc import Mapping, Sequence
from pathlib import Path

from PIL import Image

from demo_corpus.tiny_clip import train_clip

COLOURS = {"red": (220, 30, 30), "green": (30, 200, 40), "blue": (30, 50, 220), "white": (235,) * 3}
MORE_COLOURS = {
    "black": (20, 20, 20),
    "grey": (128, 128, 128),
    "yellow": (230, 220, 30),
    "cyan": (30, 220, 220),
    "magenta": (220, 30, 210),
    "brown": (120, 70, 20),
    "orange": (240, 140, 20),
}
SIDE = 16


def picture_of(colour: str, number: int) -> bytes:
    """Return a picture of a colour, a slightly different one for every number."""
    draw = random.Random(f"{colour}/{number}")
    base = COLOURS.get(colour) or MORE_COLOURS[colour]
    shade = tuple(min(255, value + draw.randint(-20, 20)) for value in base)
    file = io.BytesIO()
    Image.new("RGB", (SIDE, SIDE), shade).save(file, "PNG")
    return file.getvalue()


def write_clip(folder: Path, captions: Mapping[str, Sequence[str]] | None = None) -> Path:
    """Write a checkpoint that tells colours apart, in images and in words.

    Args:
        folder: To make.
        captions: What each colour is called, in turn; None for the four of `COLOURS` as squares.
    """
    captions = captions or {colour: [f"a {colour} square"] for colour in COLOURS}
    pairs = [
        (picture_of(colour, n), called[n % len(called)])
        for colour, called in captions.items()
        for n in range(24)
    ]
    train_clip(folder, pairs, side=SIDE, steps=40 if len(captions) <= len(COLOURS) else 60)
    return folder
