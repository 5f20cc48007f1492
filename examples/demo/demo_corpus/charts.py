"""Charts: two to four bars of real rows, each with a colour and a letter."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from demo_corpus.canvas import (
    COLOUR_NAMES,
    COLOURS,
    NUMBERS,
    SIDE,
    Box,
    Pen,
    Sample,
    fill,
    location_words,
    write,
)
from demo_corpus.questions import ask
from demo_corpus.sources import CELL, LETTERS, Rng, Stock

UNIT = 4
"""Height of one unit in pixels: nine units and the letters fill the picture."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A drawn chart: its bars from the left."""

    image: Image.Image
    letters: list[str]
    colours: list[str]
    values: list[int]
    boxes: list[Box]

    @property
    def highest(self) -> str:
        """Colour of the first highest bar."""
        return self.colours[int(np.argmax(self.values))]

    @property
    def lowest(self) -> str:
        """Colour of the first lowest bar."""
        return self.colours[int(np.argmin(self.values))]


def caption(stock: Stock, rng: Rng) -> Sample:
    """Say how many bars there are and which is highest."""
    chart = _chart(stock, rng)
    answer = ["a", "chart", "with", NUMBERS[len(chart.values)], "bars", chart.highest, "is"]
    question = ask(stock, rng, "caption", "describe")
    return Sample(image=chart.image, question=question, answer=[*answer, "highest"])


def reading(stock: Stock, rng: Rng) -> Sample:
    """Read the letters below the bars."""
    chart = _chart(stock, rng)
    question = ask(stock, rng, "read", "read the labels", "transcribe the labels")
    return Sample(image=chart.image, question=question, answer=chart.letters)


def detection(stock: Stock, rng: Rng) -> Sample:
    """List the first two bars with their boxes."""
    chart = _chart(stock, rng)
    bars = list(zip(chart.colours, chart.boxes, strict=True))[:2]
    answer = [word for colour, box in bars for word in (colour, *location_words(box))]
    return Sample(
        image=chart.image, question=ask(stock, rng, "detect all", "list all"), answer=answer
    )


def vqa(stock: Stock, rng: Rng) -> Sample:
    """A value, the highest, the lowest, or the number of bars."""
    chart = _chart(stock, rng)
    chosen, kind = rng.integers(len(chart.values)), rng.integers(4)
    if kind == 0:
        colour = chart.colours[chosen]
        question = ask(stock, rng, "what is X", "value of X", "X", about=colour)
        answer = str(chart.values[chosen])
    elif kind == 1:
        question = ask(stock, rng, "which is highest", "highest", "highest color")
        answer = chart.highest
    elif kind == 2:
        question = ask(stock, rng, "which is lowest", "lowest", "lowest color")
        answer = chart.lowest
    else:
        question = ask(stock, rng, "how many bars", "count the bars", "how many")
        answer = NUMBERS[len(chart.values)]
    return Sample(image=chart.image, question=question, answer=[answer])


def _chart(stock: Stock, rng: Rng) -> Chart:
    table = stock.tables[rng.integers(len(stock.tables))]
    n_bars = int(rng.integers(2, 5))
    row = table[rng.integers(len(table))]
    values = [int(value) for value in row[rng.permutation(len(row))[:n_bars]]]
    while len(values) < n_bars:  # a table may be narrower than the chart
        values.append(int(rng.integers(1, 10)))
    letters = [LETTERS[index] for index in rng.permutation(len(LETTERS))[:n_bars]]
    colours = [COLOUR_NAMES[index] for index in rng.permutation(len(COLOURS))[:n_bars]]
    image = Image.new("RGB", (SIDE, SIDE), stock.style.chart_paper)
    margin, floor, boxes = stock.style.bar_margin, SIDE - CELL, []
    for index, (letter, colour, value) in enumerate(zip(letters, colours, values, strict=True)):
        left = CELL * index
        box = (left + margin, floor - UNIT * value, left + CELL - margin, floor)
        fill(image, box, COLOURS[colour])
        write(image, (left, floor), letter, stock=stock, rng=rng, pen=Pen())
        boxes.append(box)
    ImageDraw.Draw(image).line((0, floor - 1, SIDE, floor - 1), fill=(0, 0, 0))
    return Chart(image=image, letters=letters, colours=colours, values=values, boxes=boxes)
