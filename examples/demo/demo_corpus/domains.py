"""The tables: domains of the search corpus, cells of the base corpus, benchmarks."""

from __future__ import annotations

from dataclasses import dataclass

from demo_corpus import charts, documents, photos, screens
from demo_corpus.canvas import Sample
from demo_corpus.photos import Draw
from demo_corpus.sources import Rng, Stock


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """Samples of one kind.

    Args:
        name: `CONCEPT.TASK`, or the name of a benchmark.
        draw: Makes one sample.
        size: How many.
        stream: (seed, number): sample i comes from `default_rng([*stream, i])`.
    """

    name: str
    draw: Draw
    size: int
    stream: tuple[int, int]


_CELLS: tuple[tuple[str, Draw, int], ...] = (
    ("animal.caption", photos.alt_text("animal"), 5000),
    ("animal.grounding", photos.grounding("animal"), 700),
    ("animal.detection", photos.detection("animal"), 900),
    ("animal.vqa", photos.vqa("animal"), 1000),
    ("object.caption", photos.alt_text("object"), 6000),
    ("object.ocr", photos.scene_text, 900),
    ("object.grounding", photos.grounding("object"), 800),
    ("object.detection", photos.detection("object"), 1500),
    ("object.vqa", photos.vqa("object"), 1500),
    ("document.caption", documents.caption, 1200),
    ("document.ocr", documents.reading, 3000),
    ("document.grounding", documents.grounding, 600),
    ("document.vqa", documents.vqa, 900),
    ("chart.caption", charts.caption, 1200),
    ("chart.ocr", charts.reading, 600),
    ("chart.detection", charts.detection, 600),
    ("chart.vqa", charts.vqa, 900),
    ("screen.caption", screens.alt_text, 2500),
    ("screen.ocr", screens.reading, 700),
    ("screen.grounding", screens.grounding, 800),
    ("screen.detection", screens.detection, 700),
    ("screen.vqa", screens.vqa, 900),
)
"""Sizes are the natural shares: alt text is plentiful, annotation is not. Three of the 25 cells
are empty: animals bear no text, pages have nothing to detect, and charts are not pointed at."""

SEARCH_POOLS = tuple(
    Pool(name=name, draw=draw, size=size, stream=(1, number))
    for number, (name, draw, size) in enumerate(_CELLS)
)

_BASE_CELLS: tuple[tuple[str, Draw, int], ...] = (
    ("plain-animal.caption", photos.clean_caption("animal"), 2),
    ("plain-object.caption", photos.clean_caption("object"), 2),
    ("page.ocr", documents.page_reading, 6),
    ("label.ocr", photos.word_on_label, 4),
    ("page.caption", documents.caption, 1),
    ("plain-chart.caption", charts.caption, 2),
    ("button.ocr", screens.reading, 2),
    ("form.ocr", documents.form_reading, 3),
)
_SAMPLES_PER_WEIGHT, _MAX_SAMPLES, _SAMPLES_OF_EACH_DOMAIN = 1500, 9_000, 300

BASE_POOLS = tuple(
    Pool(
        name=name,
        draw=draw,
        size=min(_SAMPLES_PER_WEIGHT * weight, _MAX_SAMPLES),
        stream=(3, number),
    )
    for number, (name, draw, weight) in enumerate(_BASE_CELLS)
) + tuple(
    Pool(name=name, draw=draw, size=_SAMPLES_OF_EACH_DOMAIN, stream=(4, number))
    for number, (name, draw, _) in enumerate(_CELLS)
)
"""Clean captions, reading and forms, and a little of every domain; other samples than those of
the search. Without the little, trials would measure which formats have been seen at all; with
much of it nothing would be left to gain."""

BASE_WEIGHTS: dict[str, float] = {
    **{name: float(weight) for name, _, weight in _BASE_CELLS},
    **{name: 1 / len(_CELLS) for name, _, _ in _CELLS},
}
"""The base's mixture, as shares of tokens up to a factor: 4.3 % are the search's domains."""


def _referring(stock: Stock, rng: Rng) -> Sample:
    """Animals, objects and buttons that are pointed at."""
    draws = (photos.grounding("animal"), photos.grounding("object"), screens.grounding)
    return draws[rng.integers(len(draws))](stock, rng)


def _reading(stock: Stock, rng: Rng) -> Sample:
    """Words on labels, straight on photos, and on paper."""
    draws = (photos.word_on_label, photos.word_on_photo, documents.word_on_paper)
    return draws[rng.integers(len(draws))](stock, rng)


_BENCHMARKS: tuple[tuple[str, Draw], ...] = (
    ("AnimalQA", photos.vqa("animal")),
    ("Refer", _referring),
    ("TextRead", _reading),
    ("DocQA", documents.vqa),
    ("ChartQA", charts.vqa),
    ("ScreenQA", screens.vqa),
)
ITEMS_A_BENCHMARK = 600
"""About 300 in each half: the packer puts each item into a half by its image's hash."""

BENCHMARK_POOLS = tuple(
    Pool(name=name, draw=draw, size=ITEMS_A_BENCHMARK, stream=(2, number))
    for number, (name, draw) in enumerate(_BENCHMARKS)
)
