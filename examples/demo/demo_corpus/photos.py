"""Photos: emoji of animals and objects on blurred backgrounds, and words on them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image

from demo_corpus.canvas import (
    COLOURS,
    GRID,
    NUMBERS,
    QUADRANTS,
    Box,
    Pen,
    Sample,
    fill,
    location_words,
    photo_background,
    pick_emoji,
    side_words,
    stamp,
    write,
)
from demo_corpus.questions import ask
from demo_corpus.sources import CELL, Rng, Stock

Draw = Callable[[Stock, Rng], Sample]

LARGE = (0.6, 1.0)
"""Part of the picture that a single emoji fills."""
SNUG = (0.75, 1.0)
"""Part of a quadrant that an emoji fills. Smaller or straddling ones are never learnt."""
ALT_TEXT_NOISE = 0.3
READ = ("read", "what does it say", "read the text")


def alt_text(concept: str) -> Draw:
    """Web alt text: the emoji's own Unicode name, some of it that of another picture."""

    def draw(stock: Stock, rng: Rng) -> Sample:
        image, _ = photo_background(rng)
        _, emoji = pick_emoji(stock, rng, concept)
        stamp(image, emoji.picture, rng, sizes=LARGE)
        if rng.random() < ALT_TEXT_NOISE:
            _, emoji = pick_emoji(stock, rng, concept)
        question = ask(stock, rng, "caption", "describe")
        return Sample(image=image, question=question, answer=list(emoji.words))

    return draw


def clean_caption(concept: str) -> Draw:
    """Captions without noise, half of them with the place: for the base only."""

    def draw(stock: Stock, rng: Rng) -> Sample:
        image, background = photo_background(rng)
        category, emoji = pick_emoji(stock, rng, concept)
        answer = ["a", category, "on", background]
        if rng.random() < 0.5:
            stamp(image, emoji.picture, rng, sizes=LARGE)
        else:
            quadrant = QUADRANTS[rng.integers(4)]
            answer += side_words(stamp(image, emoji.picture, rng, sizes=SNUG, inside=quadrant))
        return Sample(image=image, question=ask(stock, rng, "caption"), answer=answer)

    return draw


def grounding(concept: str) -> Draw:
    """Where is the bird? One or two emoji of different categories."""

    def draw(stock: Stock, rng: Rng) -> Sample:
        image, placed = _scene(stock, rng, concept, may_repeat=False)
        category, box = placed[rng.integers(len(placed))]
        question = ask(stock, rng, "find the X", "where is the X", "box of the X", about=category)
        return Sample(image=image, question=question, answer=location_words(box))

    return draw


def detection(concept: str) -> Draw:
    """List all emoji with their boxes."""

    def draw(stock: Stock, rng: Rng) -> Sample:
        image, placed = _scene(stock, rng, concept, may_repeat=True)
        question = ask(stock, rng, "detect all", "list all")
        answer = [word for category, box in placed for word in (category, *location_words(box))]
        return Sample(image=image, question=question, answer=answer)

    return draw


def vqa(concept: str) -> Draw:
    """What is this, where is it, how many are there."""

    def draw(stock: Stock, rng: Rng) -> Sample:
        kind = rng.integers(3)
        image, _ = photo_background(rng)
        category, emoji = pick_emoji(stock, rng, concept)
        if kind == 0:
            stamp(image, emoji.picture, rng, sizes=LARGE)
            cores = ("what is this", "which kind is this", "what kind")
            return Sample(image=image, question=ask(stock, rng, *cores), answer=[category])
        if kind == 1:
            quadrant = QUADRANTS[rng.integers(4)]
            box = stamp(image, emoji.picture, rng, sizes=SNUG, inside=quadrant)
            cores = ("where is it", "which side", "on which side is it")
            return Sample(image=image, question=ask(stock, rng, *cores), answer=side_words(box))
        n_copies = int(rng.integers(1, 5))
        for index in rng.permutation(4)[:n_copies]:
            stamp(image, emoji.picture, rng, sizes=SNUG, inside=QUADRANTS[index])
        cores = ("how many", "count them", "how many of them")
        return Sample(image=image, question=ask(stock, rng, *cores), answer=[NUMBERS[n_copies]])

    return draw


def word_on_label(stock: Stock, rng: Rng) -> Sample:
    """A word on a coloured label over an object."""
    image, _ = photo_background(rng)
    _, emoji = pick_emoji(stock, rng, "object")
    stamp(image, emoji.picture, rng, sizes=(0.8, 1.0))
    word = pick_word(stock, rng)
    x, y = text_position(rng)
    colour = list(COLOURS.values())[rng.integers(len(COLOURS))]
    fill(image, (x, y, x + CELL * len(word), y + CELL), colour)
    write(image, (x, y), word, stock=stock, rng=rng, pen=Pen(ink=(255, 255, 255)))
    return Sample(image=image, question=ask(stock, rng, *READ), answer=list(word))


def word_on_photo(stock: Stock, rng: Rng) -> Sample:
    """A word straight on a photo, in the ink that can be read there."""
    image, _ = photo_background(rng)
    word = pick_word(stock, rng)
    ink = (255, 255, 255) if np.asarray(image).mean() < 128 else (0, 0, 0)
    write(image, text_position(rng), word, stock=stock, rng=rng, pen=Pen(ink=ink))
    return Sample(image=image, question=ask(stock, rng, *READ), answer=list(word))


def scene_text(stock: Stock, rng: Rng) -> Sample:
    """Text in photos: half on labels, half without."""
    draw = word_on_label if rng.random() < 0.5 else word_on_photo
    return draw(stock, rng)


def pick_word(stock: Stock, rng: Rng) -> str:
    """Return a word for a label."""
    return stock.words[rng.integers(len(stock.words))]


def text_position(rng: Rng) -> tuple[int, int]:
    """Return a place on the grid of cells, at most a pixel off."""
    return int(rng.integers(0, 2)), CELL * int(rng.integers(0, GRID))


def _scene(
    stock: Stock, rng: Rng, concept: str, *, may_repeat: bool
) -> tuple[Image.Image, list[tuple[str, Box]]]:
    """Draw one or two emoji in quadrants, and return them in reading order.

    Without `may_repeat` a second one of the same category is left out, so that a category names
    one emoji.
    """
    image, _ = photo_background(rng)
    placed: list[tuple[str, Box]] = []
    for index in sorted(rng.permutation(4)[: int(rng.integers(1, 3))]):
        category, emoji = pick_emoji(stock, rng, concept)
        if may_repeat or all(category != other for other, _ in placed):
            box = stamp(image, emoji.picture, rng, sizes=SNUG, inside=QUADRANTS[index])
            placed.append((category, box))
    return image, placed
