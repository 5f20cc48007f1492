"""Boxes in text, in the notations that datasets and models print them in.

A notation is *sure* when nothing but a box is written so, such as `<loc0012>` four times. Four
numbers in brackets may as well be the values of a chart: a rule believes them only where the
question asks for a place.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_BOXES = 200

_NUMBER = r"-?(?:\d{1,6}(?:\.\d{0,20})?|\.\d{1,20})(?:e-?\d{1,2})?"
_COMMA = r"(?:\s{0,3},\s{0,3}|\s{1,3})"
_FOUR = _COMMA.join([_NUMBER] * 4)
_OPEN, _CLOSE = r"\s{0,3}[\[(]{1,2}\s{0,3}", r"\s{0,3}[\])]"
_LIST = rf"{_OPEN}{_FOUR}{_CLOSE}{{1,2}}"
_CORNER = rf"\(\s{{0,3}}{_NUMBER}\s{{0,3}},\s{{0,3}}{_NUMBER}\s{{0,3}}\)"
_CORNERS = rf"{_CORNER}\s{{0,3}},?\s{{0,3}}{_CORNER}"
_TAG = r"(?:<b?box>|<\|box_start\|>|<\|det\|>)"
_END = r"(?:</b?box>|<\|box_end\|>|<\|/det\|>)?"
_KEY = r"[\"']?(?:bbox|box|bounding_?box|bndbox)(?:_?2d)?[\"']?\s{0,3}[:=]"
_FRACTION = r"(?:0?\.\d{1,20}|[01]\.0{0,20}|0|1)"
_FRACTIONS = _COMMA.join([_FRACTION] * 4)
# A hyphen or a full stop belongs to a name where a letter follows: “T-shirt”, not “-3”.
_PLAIN_NAME = r"(?:[^\d\n;()<>{}\[\]=.-]|[.-](?=[^\W\d_])){0,60}\.?"


def _named(first: str, second: str, third: str, fourth: str) -> str:
    sides = (
        rf"\b{side}\b[\"'>]?\s{{0,3}}[:=]?\s{{0,3}}[\"']?{_NUMBER}" for side in (first, second)
    )
    rest = (rf"{side}\b[\"'>]?\s{{0,3}}[:=]?\s{{0,3}}[\"']?{_NUMBER}" for side in (third, fourth))
    return r"[^\w-]{1,8}".join((*sides, *rest))


@dataclass(frozen=True, slots=True, kw_only=True)
class Notation:
    """A way to write a box.

    Args:
        name: Of the regular expression's group.
        pattern: Matches one box. No repetition in it is unbounded, so that it takes linear time.
        is_sure: Whether nothing else is written so.
        example: One box.
    """

    name: str
    pattern: str
    is_sure: bool
    example: str


NOTATIONS = (
    Notation(
        name="tagged_corners",
        pattern=rf"{_TAG}\s{{0,3}}{_CORNERS}\s{{0,3}}{_END}",
        is_sure=True,
        example="<box>(120,45),(388,620)</box>",
    ),
    Notation(
        name="tagged_list",
        pattern=rf"{_TAG}(?:{_LIST}|\s{{0,3}}{_FOUR})\s{{0,3}}{_END}",
        is_sure=True,
        example="<box>[[120, 45, 388, 620]]</box>",
    ),
    Notation(
        name="location_tokens",
        pattern=r"(?:<(?:loc|bin)_?\d{1,4}>\s?){4}",
        is_sure=True,
        example="<loc0120><loc0045><loc0388><loc0620>",
    ),
    Notation(
        name="patch_tokens",
        pattern=r"<patch_index_\d{4}><patch_index_\d{4}>",
        is_sure=True,
        example="<patch_index_0044><patch_index_0863>",
    ),
    Notation(
        name="braced_tokens",
        pattern=r"\{?(?:<\d{1,4}>){4}\}?",
        is_sure=True,
        example="{<12><4><38><62>}",
    ),
    Notation(
        name="keyed_list",
        pattern=rf"{_KEY}{_LIST}",
        is_sure=True,
        example='{"bbox_2d": [120, 45, 388, 620]}',
    ),
    Notation(
        name="named_sides",
        pattern="|".join(
            (
                _named("x_?min", "y_?min", "x_?max", "y_?max"),
                _named("x_?1", "y_?1", "x_?2", "y_?2"),
                _named("x_?0", "y_?0", "x_?1", "y_?1"),
                _named("x", "y", "(?:width|w)", "(?:height|h)"),
            )
        ),
        is_sure=True,
        example='{"xmin": 120, "ymin": 45, "xmax": 388, "ymax": 620}',
    ),
    Notation(
        name="fractions",
        pattern=rf"{_OPEN}{_FRACTIONS}{_CLOSE}{{1,2}}",
        is_sure=True,  # unless they are whole numbers or no box: see `_is_box_of_fractions`
        example="[0.12, 0.05, 0.39, 0.62]",
    ),
    Notation(
        name="corners",
        pattern=_CORNERS,
        is_sure=False,
        example="(120,45),(388,620)",
    ),
    Notation(
        name="number_list",
        pattern=_LIST,
        is_sure=False,
        example="[120, 45, 388, 620]",
    ),
    Notation(
        name="plain_numbers",
        pattern=rf"(?:^|(?<=;)){_PLAIN_NAME}(?:\b\d{{1,2}}\s{{1,3}})?{_FOUR}{_PLAIN_NAME}(?:$|(?=;))",
        is_sure=False,
        example="120 45 388 620",
    ),
)
_SURE = {notation.name for notation in NOTATIONS if notation.is_sure}
_ANY = re.compile(
    "|".join(f"(?P<{notation.name}>{notation.pattern})" for notation in NOTATIONS),
    re.IGNORECASE | re.MULTILINE | re.ASCII,
)
_VALUES = re.compile(_NUMBER, re.ASCII)
_HAS_DIGIT = re.compile(r"[0-9]")

# What may stand between boxes without naming what is in them.
_SILENT = re.compile(
    r"<[^<>\n]{0,40}>|\b(?:b?box(?:es)?|bounding|bbox\w*|\w*box_?2d|position|coordinates?|location|"
    r"json|score|confidence|label|category|name|object|class|a|an|the|and|or|is|are|at|in|of|here|"
    r"there|it|by|located|null|true|false|xyxy|xywh)\b",
    re.IGNORECASE | re.ASCII,
)
_WORD = re.compile(r"[^\W\d_]+")
# What joins names to a sentence; a list of names has none.
_JOINS = re.compile(
    r"\b(?:with|while|who|which|that|to|from|into|onto|over|under|behind|beside|between|near|next|"
    r"through|down|along|across|around|toward|against|has|have|his|her|their|its|on|as|for|but|so|"
    r"therefore|looking|\w{2,12}ing (?:a|an|the|on|in|at|to|by))\b",
    re.IGNORECASE | re.ASCII,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Boxes:
    """The boxes of a text.

    Args:
        n: How many, at most `MAX_BOXES`.
        are_sure: Whether one of them is in a sure notation; then the others are believed too.
        n_labels: Stretches between boxes that name something.
        n_label_words: Words in these stretches.
        n_joins: Words among them that join names to a sentence.
    """

    n: int = 0
    are_sure: bool = False
    n_labels: int = 0
    n_label_words: int = 0
    n_joins: int = 0

    @property
    def are_labelled(self) -> bool:
        """Whether there are several, and names for more than one of them."""
        return self.n > 1 and self.n_labels > 1

    @property
    def are_in_prose(self) -> bool:
        """Whether there is more text than names: longer, joined, or at both ends."""
        return (
            self.n_label_words > 6 * max(self.n, 1)
            or 0 < self.n <= 3 * self.n_joins
            or self.n_labels > self.n > 1
        )


NO_BOXES = Boxes()


def find_boxes(text: str) -> Boxes:
    """Find the boxes of a text in any of the notations. Takes linear time."""
    if not _HAS_DIGIT.search(text):
        return NO_BOXES
    spans: list[tuple[int, int]] = []
    are_sure = False
    for match in _ANY.finditer(text):
        spans.append(match.span())
        notation = match.lastgroup
        if notation in _SURE and not are_sure:
            are_sure = notation != "fractions" or _is_box_of_fractions(match.group())
        if len(spans) == MAX_BOXES:
            break
    if not spans:
        return NO_BOXES
    gaps = _texts_beside(text, spans)
    words = [len(_WORD.findall(_SILENT.sub(" ", gap))) for gap in gaps]
    return Boxes(
        n=len(spans),
        are_sure=are_sure,
        n_labels=sum(n > 0 for n in words),
        n_label_words=sum(words),
        n_joins=sum(len(_JOINS.findall(gap)) for gap in gaps),
    )


def _is_box_of_fractions(text: str) -> bool:
    """Whether the corners are in order: probabilities and parts of a whole seldom are."""
    x0, y0, x1, y1 = (float(value) for value in _VALUES.findall(text))
    return "." in text and x0 <= x1 and y0 <= y1


def _texts_beside(text: str, spans: list[tuple[int, int]]) -> list[str]:
    """Return the texts before, between and behind the boxes; a plain line names its own."""
    edges = [0, *(edge for span in spans for edge in span), len(text)]
    gaps = [text[start:end] for start, end in zip(edges[::2], edges[1::2], strict=True)]
    if all(not gap.strip(" ;\n") for gap in gaps) and len(gaps) > 2:
        gaps = [text[start:end] for start, end in spans]
    return gaps
