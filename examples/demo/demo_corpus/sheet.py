"""A contact sheet: one row a pool, to look at what a model is asked to see."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw

from demo_corpus.build import draw_samples
from demo_corpus.canvas import SIDE
from demo_corpus.domains import Pool
from demo_corpus.sources import Stock

_GAP, _LABEL_WIDTH, _SCALE = 4, 130, 2


def contact_sheet(pools: Sequence[Pool], stock: Stock, *, columns: int = 12) -> Image.Image:
    """Draw the first samples of every pool, twice as large as they are."""
    step = _SCALE * SIDE + _GAP
    sheet = Image.new("RGB", (_LABEL_WIDTH + columns * step, len(pools) * step), "white")
    canvas = ImageDraw.Draw(sheet)
    for row, pool in enumerate(pools):
        canvas.text((4, row * step + step // 2), pool.name, fill="black")
        for column, sample in enumerate(draw_samples(pool, stock, range(columns))):
            enlarged = sample.image.resize((_SCALE * SIDE,) * 2, Image.Resampling.NEAREST)
            sheet.paste(enlarged, (_LABEL_WIDTH + column * step, row * step))
    return sheet
