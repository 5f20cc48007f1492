"""The page of a corpus: one self-contained HTML file, no script, no request leaves it."""

from __future__ import annotations

from mixatlas.report.corpus_view import CorpusView
from mixatlas.report.template import environment, render

_OPEN_CELLS = 64


def render_corpus(corpus: CorpusView) -> bytes:
    """Render the page of a corpus.

    Args:
        corpus: What it shows.

    Returns:
        UTF-8 HTML. Equal values give equal bytes; all text is escaped.
    """
    page = environment()
    page.filters["count"] = _count
    page.filters["counted"] = _counted
    page.filters["percent"] = _percent
    shares = [cell.share for cell in corpus.cells]
    context = {
        "corpus": corpus,
        "largest": max(shares),
        "opens_examples": len(shares) <= _OPEN_CELLS,
    }
    return render(page, "corpus_page.html.jinja", context)


def _count(n: int) -> str:
    return f"{n:,}"


def _counted(n: int, what: str) -> str:
    return f"{n:,} {what}" if n == 1 else f"{n:,} {what}s"


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.1f} %"
