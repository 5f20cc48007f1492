"""Documents: pages of running text, and forms with fields such as KG 42."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from PIL import Image, ImageDraw

from demo_corpus.canvas import (
    GRID,
    NUMBERS,
    SIDE,
    Box,
    Pen,
    Sample,
    location_words,
    paper,
    write,
)
from demo_corpus.photos import READ, pick_word, text_position
from demo_corpus.questions import ask
from demo_corpus.sources import CELL, Rng, Stock

KEYS = ("id", "nr", "kg", "cm", "pt", "yr", "hr", "pg")
LINE_BREAK = "/"
TRANSCRIBE = ("read", "transcribe the page", "read the text")


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A drawn form: keys, values and the boxes of the keys, from the top."""

    image: Image.Image
    keys: list[str]
    values: list[str]
    boxes: list[Box]


def page_reading(stock: Stock, rng: Rng) -> Sample:
    """Transcribe one or two lines of prose."""
    image, words = _page(stock, rng, int(rng.integers(1, 3)))
    return Sample(image=image, question=ask(stock, rng, *TRANSCRIBE), answer=_lines(words))


def form_reading(stock: Stock, rng: Rng) -> Sample:
    """Transcribe a form line by line."""
    form = _form(stock, rng)
    lines = [key.upper() + value for key, value in zip(form.keys, form.values, strict=True)]
    return Sample(image=form.image, question=ask(stock, rng, *TRANSCRIBE), answer=_lines(lines))


def reading(stock: Stock, rng: Rng) -> Sample:
    """Pages and forms, half and half: digits are read in no other domain."""
    draw = page_reading if rng.random() < 0.5 else form_reading
    return draw(stock, rng)


def caption(stock: Stock, rng: Rng) -> Sample:
    """Say how many lines a page has."""
    n_lines = int(rng.integers(1, 5))
    image, _ = _page(stock, rng, n_lines)
    answer = ["a", "page", "with", NUMBERS[n_lines], "lines"]
    return Sample(image=image, question=ask(stock, rng, "caption", "describe"), answer=answer)


def vqa(stock: Stock, rng: Rng) -> Sample:
    """What is the value of a field?"""
    form = _form(stock, rng)
    chosen = rng.integers(len(form.keys))
    question = ask(stock, rng, "what is X", "X", "value of X", about=form.keys[chosen])
    return Sample(image=form.image, question=question, answer=list(form.values[chosen]))


def grounding(stock: Stock, rng: Rng) -> Sample:
    """Where is a field's key?"""
    form = _form(stock, rng)
    chosen = rng.integers(len(form.keys))
    cores = ("find the X", "where is X", "box of the X")
    question = ask(stock, rng, *cores, about=form.keys[chosen])
    return Sample(image=form.image, question=question, answer=location_words(form.boxes[chosen]))


def word_on_paper(stock: Stock, rng: Rng) -> Sample:
    """A single word on a sheet: for benchmarks only."""
    word = pick_word(stock, rng)
    image = paper(rng)
    write(image, text_position(rng), word, stock=stock, rng=rng, pen=Pen(ink=(0, 0, 0)))
    return Sample(image=image, question=ask(stock, rng, *READ), answer=list(word))


def _page(stock: Stock, rng: Rng, n_lines: int) -> tuple[Image.Image, list[str]]:
    """Write consecutive words of the prose, one a line."""
    image = paper(rng)
    start = int(rng.integers(len(stock.running_text) - 8))
    rows = sorted(rng.permutation(GRID)[:n_lines])
    font = int(rng.integers(3))
    words = list(stock.running_text[start : start + n_lines])
    for word, row in zip(words, rows, strict=True):
        place = (int(rng.integers(0, 2)), CELL * int(row))
        gray = int(rng.integers(0, 90))
        write(image, place, word, stock=stock, rng=rng, pen=Pen(ink=(gray,) * 3, font=font))
    return image, words


def _form(stock: Stock, rng: Rng) -> Form:
    image = paper(rng)
    n_fields = int(rng.integers(1, 3))
    keys = [KEYS[index] for index in rng.permutation(len(KEYS))[:n_fields]]
    values = [str(int(rng.integers(10, 100))) for _ in keys]
    font = int(rng.integers(3))
    rows = sorted(rng.permutation(GRID)[:n_fields])
    style, boxes = stock.style, []
    for key, value, row in zip(keys, values, rows, strict=True):
        y = CELL * int(row)
        key_pen = Pen(ink=style.key_ink, font=font)
        boxes.append(write(image, (0, y), key.upper(), stock=stock, rng=rng, pen=key_pen))
        ink = style.value_inks[rng.integers(len(style.value_inks))]
        value_pen = Pen(ink=ink, font=font)
        write(image, (2 * CELL, y), value, stock=stock, rng=rng, pen=value_pen)
        if style.is_ruled:
            line = (0, y + CELL - 1, SIDE, y + CELL - 1)
            ImageDraw.Draw(image).line(line, fill=(190, 190, 190))
    return Form(image=image, keys=keys, values=values, boxes=boxes)


def _lines(lines: Iterable[str]) -> list[str]:
    """Return lines letter by letter, with a mark between two lines."""
    return [letter for line in lines for letter in (*line, LINE_BREAK)][:-1]
