"""A CLIP that knows four colours, and pictures of them."""

from __future__ import annotations

import io
import random
from pathlib import Path

from PIL import Image

from demo_corpus.tiny_clip import train_clip

COLOURS = {"red": (220, 30, 30), "green": (30, 200, 40), "blue": (30, 50, 220), "white": (235,) * 3}
SIDE = 16


def picture_of(colour: str, number: int) -> bytes:
    """Return a picture of a colour, a slightly different one for every number."""
    draw = random.Random(f"{colour}/{number}")
    shade = tuple(min(255, value + draw.randint(-20, 20)) for value in COLOURS[colour])
    file = io.BytesIO()
    Image.new("RGB", (SIDE, SIDE), shade).save(file, "PNG")
    return file.getvalue()


def write_clip(folder: Path) -> Path:
    """Write a checkpoint that tells the colours apart, in images and in words."""
    pairs = [(picture_of(c, n), f"a {c} square") for c in COLOURS for n in range(24)]
    train_clip(folder, pairs, side=SIDE, steps=40)
    return folder
