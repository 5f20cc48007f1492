"""The page: self-contained, escaped, stable, and it says what was found."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from mixatlas.contract.trial import TrialFile
from mixatlas.plan.observed import Observed
from mixatlas.report.page import render_report
from scenario import World


@pytest.fixture(scope="module")
def finished() -> Observed:
    return World().run()


class Links(HTMLParser):
    """Collects every place from which a browser would load something."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            is_inside = (value or "").startswith(("#", "data:"))
            if name in ("src", "href", "xlink:href", "srcset", "action") and not is_inside:
                self.found.append(f"{tag} {name}={value}")
        if tag in ("script", "iframe", "object", "embed"):
            self.found.append(tag)


def test_no_request_leaves_the_file(finished: Observed) -> None:
    page = render_report(finished).decode()
    links = Links()
    links.feed(page)
    assert links.found == []
    assert not re.findall(r"url\((?!#)|@import", page)


def test_the_same_search_gives_the_same_bytes(finished: Observed) -> None:
    assert render_report(finished) == render_report(finished)


def test_it_says_what_was_found(finished: Observed) -> None:
    page = render_report(finished).decode()
    winner = finished.winners[-1]
    for word in (
        "The mixture",
        "Gains per benchmark",
        "Noise of the benchmarks",
        "Cost",
        winner.digest,
    ):
        assert word in page
    for outcome in finished.outcomes:
        assert f"<tr><td>{outcome.trial}</td>" in page


def test_it_says_how_many_mixtures_are_as_good(finished: Observed) -> None:
    words = "3 of 6 tried mixtures are within one standard error of the best"
    assert words in render_report(finished).decode()
    (record,) = finished.predictions
    unknown = record.model_copy(update={"near_optimal": None})
    assert words not in render_report(replace(finished, predictions=(unknown,))).decode()


def test_text_of_others_is_escaped() -> None:
    evil = "<script>alert(1)</script>"
    world = World(script=lambda trial, attempt: 1 if trial.trial == 3 else 0)
    ends = world.runner._end

    def end(attempt):  # type: ignore[no-untyped-def]
        ends(attempt)
        from dataclasses import replace

        name = attempt.name
        world.runner.attempts[name] = replace(world.runner.attempts[name], message=evil)

    world.runner._end = end  # type: ignore[method-assign]
    page = render_report(world.run()).decode()
    assert evil not in page
    assert "&lt;script&gt;" in page


def test_a_search_that_has_just_begun_has_a_page() -> None:
    page = render_report(World().driver().observe()).decode()
    assert "No winner yet" in page


def test_a_failed_search_has_a_page() -> None:
    def script(trial: TrialFile, attempt: int) -> int:
        return 1

    assert "Failed" in render_report(World(script=script).run()).decode()
