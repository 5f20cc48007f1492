"""Effects of domains on metrics, as CSV and as a heat map: one self-contained HTML file."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

from mixatlas.report.template import environment, render


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What a step towards one domain changes in one metric, with its 95 % interval."""

    domain: str
    metric: str
    mean: float
    lower: float
    upper: float

    @property
    def is_clear(self) -> bool:
        """Whether the interval leaves zero out."""
        return self.lower > 0 or self.upper < 0


def effects_csv(effects: Sequence[Effect]) -> str:
    """Return a row an effect: domain, metric, mean, lower, upper."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["domain", "metric", "mean", "lower", "upper"])
    for effect in effects:
        figures = (f"{value:.9g}" for value in (effect.mean, effect.lower, effect.upper))
        writer.writerow([effect.domain, effect.metric, *figures])
    return text.getvalue()


def render_effects(effects: Sequence[Effect], *, step: float, n_runs: int) -> bytes:
    """Render the heat map; colours are relative to the largest effect on each metric.

    Args:
        effects: Of every domain on every metric, domain by domain.
        step: Share of the mixture that moved.
        n_runs: Runs that they are learnt from.

    Returns:
        UTF-8 HTML. Equal values give equal bytes; all text is escaped.
    """
    domains = list(dict.fromkeys(effect.domain for effect in effects))
    metrics = list(dict.fromkeys(effect.metric for effect in effects))
    largest = {
        name: max(abs(effect.mean) for effect in effects if effect.metric == name) or 1.0
        for name in metrics
    }
    page = environment()
    page.filters["figure"] = lambda value: f"{value:+.3g}"
    context = {
        "metrics": metrics,
        "rows": [(name, [e for e in effects if e.domain == name]) for name in domains],
        "part": {(e.domain, e.metric): abs(e.mean) / largest[e.metric] for e in effects},
        "step": f"{100 * step:g} %",
        "n_runs": n_runs,
    }
    return render(page, "effects_page.html.jinja", context)
