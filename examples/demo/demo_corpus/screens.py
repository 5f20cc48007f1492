"""Screens: application windows with real icons, and buttons with a colour and a word."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from demo_corpus.canvas import (
    COLOUR_NAMES,
    COLOURS,
    GRID,
    NUMBERS,
    SIDE,
    Box,
    Pen,
    Sample,
    location_words,
    write,
)
from demo_corpus.questions import ask
from demo_corpus.sources import CELL, Icon, Rng, Stock

LABELS = (
    *("ok", "yes", "no", "save", "open", "quit", "edit", "help"),
    *("undo", "cut", "copy", "view", "find", "stop", "play", "new"),
)
TITLE_BAR = 6
CONTENT_X, CONTENT_Y = 13, 12
"""Where a window's content begins, right of the side bar and below the tool bar."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    """A drawn window: its buttons from the top."""

    image: Image.Image
    labels: list[str]
    colours: list[str]
    boxes: list[Box]


def alt_text(stock: Stock, rng: Rng) -> Sample:
    """A large icon in a window, with its real label and search terms."""
    image = _window(stock, rng)
    icon = _pick_icon(stock, rng)
    factor = rng.uniform(0.9, 1.2)
    width, height = (max(8, int(side * factor)) for side in icon.shape.size)
    shape = icon.shape.resize((width, height))
    x = CONTENT_X + int(rng.integers(0, SIDE - CONTENT_X - width + 1))
    y = CONTENT_Y + int(rng.integers(0, SIDE - CONTENT_Y - height + 1))
    frame = (x - 2, y - 2, x + width + 1, y + height + 1)
    ImageDraw.Draw(image).rectangle(frame, fill=(250, 250, 250))
    image.paste(list(COLOURS.values())[rng.integers(len(COLOURS))], (x, y), shape)
    question = ask(stock, rng, "caption", "describe")
    return Sample(image=image, question=question, answer=list(icon.words))


def reading(stock: Stock, rng: Rng) -> Sample:
    """Read the button of a colour."""
    screen = _screen(stock, rng)
    chosen = rng.integers(len(screen.labels))
    cores = ("read X", "text of X", "what does X say")
    question = ask(stock, rng, *cores, about=screen.colours[chosen])
    answer = list(screen.labels[chosen].upper())
    return Sample(image=screen.image, question=question, answer=answer)


def grounding(stock: Stock, rng: Rng) -> Sample:
    """Where is the button with a word, or of a colour?"""
    screen = _screen(stock, rng)
    chosen = rng.integers(len(screen.labels))
    names = (screen.labels, screen.colours)[rng.integers(2)]
    cores = ("find the X", "where is X", "box of the X")
    question = ask(stock, rng, *cores, about=names[chosen])
    return Sample(
        image=screen.image, question=question, answer=location_words(screen.boxes[chosen])
    )


def detection(stock: Stock, rng: Rng) -> Sample:
    """List the first two buttons with their boxes."""
    screen = _screen(stock, rng)
    question = ask(stock, rng, "detect all", "list all")
    buttons = list(zip(screen.colours, screen.boxes, strict=True))[:2]
    answer = [word for colour, box in buttons for word in (colour, *location_words(box))]
    return Sample(image=screen.image, question=question, answer=answer)


def vqa(stock: Stock, rng: Rng) -> Sample:
    """A button's colour, the number of buttons, the top one, or whether a colour is there."""
    screen = _screen(stock, rng)
    chosen, kind = rng.integers(len(screen.labels)), rng.integers(4)
    if kind == 0:
        cores = ("what color is X", "color of X", "X color")
        question = ask(stock, rng, *cores, about=screen.labels[chosen])
        answer = screen.colours[chosen]
    elif kind == 1:
        question = ask(stock, rng, "how many buttons", "count the buttons", "how many")
        answer = NUMBERS[len(screen.labels)]
    elif kind == 2:
        question = ask(stock, rng, "top color", "color of the top", "what color is top")
        answer = screen.colours[0]
    else:
        is_there = bool(rng.integers(2))
        absent = next(name for name in COLOUR_NAMES if name not in screen.colours)
        colour = screen.colours[chosen] if is_there else absent
        question = ask(stock, rng, "is X there", "any X", "is there any X", about=colour)
        answer = "yes" if is_there else "no"
    return Sample(image=screen.image, question=question, answer=[answer])


def _pick_icon(stock: Stock, rng: Rng) -> Icon:
    return stock.icons[rng.integers(len(stock.icons))]


def _screen(stock: Stock, rng: Rng) -> Screen:
    """Draw a window with one to three buttons, each in a row of its own."""
    image = _window(stock, rng)
    canvas = ImageDraw.Draw(image)
    n_buttons = int(rng.integers(1, 4))
    labels = [LABELS[index] for index in rng.permutation(len(LABELS))[:n_buttons]]
    colours = [COLOUR_NAMES[index] for index in rng.permutation(len(COLOURS))[:n_buttons]]
    rows, boxes = sorted(1 + rng.permutation(GRID - 1)[:n_buttons]), []
    for label, colour, row in zip(labels, colours, rows, strict=True):
        x, y = CELL * int(rng.integers(0, GRID - len(label) + 1)), CELL * int(row)
        box = (x, y, x + CELL * len(label), y + CELL)
        inner = (box[0], box[1], box[2] - 1, box[3] - 1)
        canvas.rounded_rectangle(inner, 2, fill=COLOURS[colour])
        pen = Pen(ink=(255, 255, 255))
        write(image, (x, y), label.upper(), stock=stock, rng=rng, pen=pen)
        boxes.append(box)
    return Screen(image=image, labels=labels, colours=colours, boxes=boxes)


def _window(stock: Stock, rng: Rng) -> Image.Image:
    """Draw a light or dark window: title bar, a bar of icons, lines of content."""
    is_dark = rng.random() < 0.3
    level = int(rng.integers(50, 90) if is_dark else rng.integers(200, 245))
    tint = rng.integers(-12, 13, 3)
    red, green, blue = (int(np.clip(level + part, 0, 255)) for part in tint)
    shift = 40 if is_dark else -40
    ink = tuple(int(np.clip(part + shift, 0, 255)) for part in (red, green, blue))
    image = Image.new("RGB", (SIDE, SIDE), (red, green, blue))
    canvas = ImageDraw.Draw(image)
    title = tuple(int(part) for part in rng.integers(40, 110, 3))
    canvas.rectangle((0, 0, SIDE, TITLE_BAR - 1), fill=title)
    for x in (40, 44):
        canvas.rectangle((x, 1, x + 2, 3), fill=(220, 220, 220))
    is_tool_bar = bool(tint[0] & 1)
    for index in range(int(rng.integers(1, 5))):
        shape = _pick_icon(stock, rng).shape.resize((9, 9))
        image.paste(ink, (1 + 11 * index, 7) if is_tool_bar else (1, 7 + 10 * index), shape)
    for y in range(20, SIDE, int(rng.integers(5, 9))):
        canvas.line((14, y, int(rng.integers(20, SIDE - 2)), y), fill=ink)
    return image
