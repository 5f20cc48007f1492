"""The page of a corpus: self-contained, escaped, sound; it says what there is."""

from __future__ import annotations

import dataclasses
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from mixatlas.report.corpus_page import render_corpus
from mixatlas.report.corpus_view import (
    BuildView,
    CellView,
    ClustersRow,
    ConceptView,
    ConfusionView,
    CorpusView,
    DecisionRow,
    Example,
    Named,
    Picture,
)

EVIL = "<script>alert(1)</script>\"'&"
PIXEL = "data:image/webp;base64,AAAA"
VOID = {"meta", "img", "br"}


class Page(HTMLParser):
    """Collects what a browser would load, tables outside a scroller, images without a text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.faults: list[str] = []
        self.headings: list[str] = []
        self._open: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)
        self.faults += [f"{tag} is never closed" for tag, _ in self._open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        for name in ("src", "href", "srcset", "action", "background"):
            if not (found.get(name) or "#").startswith(("#", "data:image/")):
                self.loaded.append(f"{tag} {name}={found[name]}")
        if tag in ("script", "iframe", "object", "embed", "link", "base", "form"):
            self.loaded.append(tag)
        self.faults += [f"{tag} {name}" for name in found if name.startswith("on")]
        if tag == "img" and not found.get("alt"):
            self.faults.append("an image without a text")
        if tag == "th" and found.get("scope") not in ("row", "col"):
            self.faults.append("a heading of nothing")
        if tag == "table" and not any(outer.get("class") == "scroll" for _, outer in self._open):
            self.faults.append("a table that makes the page scroll sideways")
        if tag not in VOID:
            self._open.append((tag, found))

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open[-1][0] != tag:
            self.faults.append(f"</{tag}> closes nothing")
        else:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        if self._open and re.fullmatch("h[1-6]", self._open[-1][0]):
            self.headings.append(f"{self._open[-1][0]} {data}")


def an_example(**changes: Any) -> Example:
    whole: dict[str, Any] = {
        "question": "what is it ?",
        "answer": "a red square",
        "n_turns": 1,
        "picture": Picture(src=PIXEL, alt="a red square"),
        "n_images": 1,
    }
    return Example(**(whole | changes))


def a_cell(concept: str = "photo", task: str = "vqa", **changes: Any) -> CellView:
    whole: dict[str, Any] = {"samples": 1234, "tokens": 56_789, "share": 0.25}
    whole |= {"concept": concept, "task": task, "examples": (an_example(),) * 3}
    return CellView(**(whole | changes))


def a_concept(**changes: Any) -> ConceptView:
    whole: dict[str, Any] = {
        "name": "photo",
        "pictures": (Picture(src=PIXEL, alt="a red square"),) * 16,
        "are_nearest": True,
        "captions": ("a red square on the left",),
        "answers": (),
        "prompts": (),
        "sampled": 77,
    }
    return ConceptView(**(whole | changes))


def a_build(**changes: Any) -> BuildView:
    whole: dict[str, Any] = {
        "used": 5000,
        "broken": Named(n=30, first=(("llava.json[17]", "not an image"),)),
        "joined": (("chart.ocr", 9, "photo"),),
        "min_samples": 10,
        "decisions": (
            DecisionRow(
                rule="yes-no", evidence="a built-in rule", task="vqa", confidence=0.95, turns=4321
            ),
        ),
        "confusion": ConfusionView(
            tasks=("ocr", "vqa"),
            counts=((3, 1), (0, 7)),
            accuracy=10 / 11,
            recall=(0.75, 1.0),
            precision=(1.0, 0.875),
        ),
        "removes_duplicates": True,
        "removes_overlaps": True,
        "has_benchmarks": True,
    }
    return BuildView(**(whole | changes))


def a_corpus(**changes: Any) -> CorpusView:
    whole: dict[str, Any] = {
        "name": "my corpus",
        "digest": "d" * 64,
        "concepts": (a_concept(),),
        "tasks": ("vqa", "other"),
        "cells": (a_cell(), a_cell(task="other"), a_cell("text", "other", share=0.5)),
        "clusters": (
            ClustersRow(k=2, is_chosen=True, silhouette=0.4321, shares=(0.7, 0.3)),
            ClustersRow(k=3, is_chosen=False, silhouette=0.1, shares=(0.5, 0.3, 0.2)),
        ),
        "duplicates": Named(n=8, first=(("llava.json[3]", "a duplicate of llava.json[2]"),)),
        "overlaps": Named(n=6, first=(("llava.json[4]", "the image of DocQA"),)),
        "held_out": 321,
        "build": a_build(),
        "facts": (("Sources", "first (Llava)"),),
    }
    return CorpusView(**(whole | changes))


PACKED: dict[str, Any] = {"build": None, "clusters": (), "facts": ()}


def text_of(corpus: CorpusView) -> str:
    """Return the page as a reader sees it, in one line."""
    page = render_corpus(corpus).decode()
    body = re.sub(r"<style>.*?</style>", " ", page, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]*>", " ", body).split())


@pytest.mark.parametrize("changes", [{}, PACKED], ids=["built", "packed"])
def test_the_page_is_sound_and_no_request_leaves_it(changes: dict[str, Any]) -> None:
    page = render_corpus(a_corpus(**changes)).decode()
    assert page.startswith("<!doctype html>")
    found = Page(page)
    assert found.loaded == []
    assert found.faults == []
    assert not re.findall(r"url\(|@import", page)
    assert [text for text in found.headings if text.startswith("h1")] == ["h1 my corpus"]


def test_it_shows_what_was_found() -> None:
    text = text_of(a_corpus())
    for words in (
        "25.0 % 1,234 samples 56,789 tokens",
        "all concepts 25.0 % 1,234 samples",
        "chart.ocr 9 photo",
        "shown: the 16 nearest images",
        "77 images of the fit’s sample",
        "“a red square on the left”",
        "2, used 0.432 70.0 % 30.0 %",
        "yes-no vqa 4,321 0.95 a built-in rule",
        "ocr 3 1 75.0 %",
        "precision 100.0 % 87.5 %",
        "Both agree on 90.9 %",
        "cannot be used: 30 of 5,030",
        "llava.json[17] not an image",
        "their domain: 8, left out",
        "a duplicate of llava.json[2]",
        "image of a benchmark: 6, left out",
        "the image of DocQA",
        "in held-out/: 321",
        "what is it ? a red square",
        "SHA-256 " + "d" * 64,
        "Sources first (Llava)",
    ):
        assert words in text, words


def test_three_examples_of_each_cell_have_pictures() -> None:
    page = render_corpus(a_corpus(concepts=())).decode()
    assert page.count("<img ") == 9


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (PACKED, "The corpus was packed: its tasks are as the labelled samples say."),
        (PACKED, "The corpus was packed, which refuses broken samples."),
        (PACKED, "nobody has looked for images of benchmarks"),
        (PACKED, "No clusters were looked for."),
        ({"concepts": ()}, "No sample has an image."),
        ({"build": a_build(confusion=None)}, "No source gives tasks"),
        ({"build": a_build(joined=())}, "No cell was so small"),
        ({"build": a_build(has_benchmarks=False)}, "has no benchmarks whose images"),
        ({"build": a_build(removes_overlaps=False)}, "image of a benchmark: 6, kept"),
        ({"build": a_build(removes_duplicates=False)}, "their domain: 8, kept"),
        ({"concepts": (a_concept(are_nearest=False),)}, "shown: 16 images, chosen by hash"),
        ({"concepts": (a_concept(captions=(), answers=("yes",)),)}, "No captions; answers: yes"),
        ({"concepts": (a_concept(prompts=("a scan",)),)}, "Prompts: a scan"),
        ({"cells": (a_cell(samples=1, examples=()),)}, "1 sample 56,789"),
        (
            {"cells": (a_cell(examples=(an_example(n_turns=4, n_images=2),)),)},
            "first of 4 turns, first of 2 images",
        ),
    ],
)
def test_what_there_is_not_is_told(changes: dict[str, Any], words: str) -> None:
    assert words in text_of(a_corpus(**changes))


def test_an_image_that_cannot_be_shown_says_why() -> None:
    gone = Picture(src="", alt="cannot be decoded: broken")
    page = render_corpus(a_corpus(concepts=(a_concept(pictures=(gone,)),), cells=(a_cell(),)))
    assert '<span class="gone" title="cannot be decoded: broken">' in page.decode()


def spoilt(value: Any) -> Any:
    """Return a view with every text spoilt, but for tasks and addresses of images."""
    if isinstance(value, tuple):
        return tuple(map(spoilt, value))
    if not dataclasses.is_dataclass(value):
        return EVIL if isinstance(value, str) else value
    fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    kept = {"src"} | ({"concept", "task", "tasks"} if not isinstance(value, DecisionRow) else set())
    return type(value)(**{k: v if k in kept else spoilt(v) for k, v in fields.items()})


@pytest.mark.parametrize("changes", [{}, PACKED], ids=["built", "packed"])
def test_no_text_becomes_markup(changes: dict[str, Any]) -> None:
    evil = spoilt(a_corpus(**changes, cells=(a_cell(),)))
    named = dataclasses.replace(evil, cells=(dataclasses.replace(evil.cells[0], concept=EVIL),))
    page = render_corpus(named).decode()
    assert "<script" not in page
    found = Page(page)
    assert (found.loaded, found.faults) == ([], [])
    assert page.count("&lt;script&gt;") > 20
