"""Drawing on 48 x 48 pixels, so that 16 patches of 12 see letters, bars and quadrants whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from demo_corpus.sources import CELL, Colour, Emoji, Rng, Stock

SIDE = 48
GRID = SIDE // CELL
LOCATION_BINS = 8
Box = tuple[int, int, int, int]
WHOLE: Box = (0, 0, SIDE, SIDE)
QUADRANTS: tuple[Box, ...] = ((0, 0, 24, 24), (24, 0, 48, 24), (0, 24, 24, 48), (24, 24, 48, 48))

COLOURS: dict[str, Colour] = {
    "red": (214, 40, 40),
    "green": (30, 150, 60),
    "blue": (40, 90, 215),
    "orange": (245, 150, 20),
    "purple": (130, 50, 170),
    "teal": (20, 170, 170),
}
COLOUR_NAMES = tuple(COLOURS)
BACKGROUNDS: dict[str, Colour] = {
    "white": (245, 245, 245),
    "gray": (150, 150, 150),
    "black": (25, 25, 30),
    "yellow": (240, 225, 90),
    "pink": (245, 170, 195),
}
NUMBERS = ("zero", "one", "two", "three", "four", "five", "six")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One picture with a question and its answer, both as words of the vocabulary."""

    image: Image.Image
    question: list[str]
    answer: list[str]


def photo_background(rng: Rng) -> tuple[Image.Image, str]:
    """Return a blurred background and the name of its colour."""
    name = list(BACKGROUNDS)[rng.integers(len(BACKGROUNDS))]
    spots = np.array(BACKGROUNDS[name]) + rng.integers(-30, 31, (4, 4, 3))
    small = Image.fromarray(np.clip(spots, 0, 255).astype(np.uint8))
    return small.resize((SIDE, SIDE), Image.Resampling.BICUBIC), name


def paper(rng: Rng) -> Image.Image:
    """Return a sheet of white or cream paper."""
    level = int(rng.integers(225, 256))
    return Image.new("RGB", (SIDE, SIDE), (level, level, level - int(rng.integers(0, 25))))


@dataclass(frozen=True, slots=True, kw_only=True)
class Pen:
    """How letters look. `font` None picks one a word."""

    ink: Colour = (15, 15, 15)
    font: int | None = None


def write(
    image: Image.Image, position: tuple[int, int], word: str, *, stock: Stock, rng: Rng, pen: Pen
) -> Box:
    """Write a word with one letter a cell, and return its box."""
    x, y = position
    font = stock.fonts[rng.integers(len(stock.fonts)) if pen.font is None else pen.font]
    for index, letter in enumerate(word):
        image.paste(pen.ink, (x + CELL * index, y), font[letter])
    return x, y, x + CELL * len(word), y + CELL


def pick_emoji(
    stock: Stock, rng: Rng, concept: str, category: str | None = None
) -> tuple[str, Emoji]:
    """Return a category, drawn unless it is given, and one of its emoji."""
    categories = stock.emoji[concept]
    name = category or list(categories)[rng.integers(len(categories))]
    return name, categories[name][rng.integers(len(categories[name]))]


def stamp(
    image: Image.Image,
    picture: Image.Image,
    rng: Rng,
    *,
    sizes: tuple[float, float],
    inside: Box = WHOLE,
) -> Box:
    """Paste an emoji somewhere inside a box, mirrored half of the time.

    Args:
        image: Drawn upon.
        picture: What is pasted.
        rng: Size, place and side.
        sizes: Smallest and largest part of the box's side that it fills.
        inside: Where it must lie.

    Returns:
        Its box.
    """
    room_x, room_y = inside[2] - inside[0], inside[3] - inside[1]
    factor = rng.uniform(*sizes) * min(room_x / picture.width, room_y / picture.height)
    width, height = max(6, int(picture.width * factor)), max(6, int(picture.height * factor))
    x = inside[0] + int(rng.integers(0, room_x - width + 1))
    y = inside[1] + int(rng.integers(0, room_y - height + 1))
    scaled = picture.resize((width, height))
    if rng.random() < 0.5:
        scaled = scaled.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    image.paste(scaled, (x, y), scaled)
    return x, y, x + width, y + height


def fill(image: Image.Image, box: Box, colour: Colour) -> None:
    """Fill a box."""
    ImageDraw.Draw(image).rectangle((box[0], box[1], box[2] - 1, box[3] - 1), fill=colour)


def location_words(box: Sequence[float]) -> list[str]:
    """Return a box as four words `<0>` to `<8>`: x0, y0, x1, y1 in eighths of the side."""
    bins = [round(value / SIDE * LOCATION_BINS) for value in box]
    return [f"<{min(max(value, 0), LOCATION_BINS)}>" for value in bins]


def side_words(box: Box) -> list[str]:
    """Say in which quadrant the middle of a box lies."""
    middle_x, middle_y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    return ["top" if middle_y < SIDE / 2 else "bottom", "left" if middle_x < SIDE / 2 else "right"]
