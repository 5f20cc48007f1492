"""Figures as inline SVG: drawn with matplotlib's `Figure`, stable bytes, no pyplot."""

from __future__ import annotations

import io
from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from mixatlas.contract.mixture import Mixture
from mixatlas.ledger.fold import SEARCH_PURPOSES
from mixatlas.report.tables import GainRow, TrialRow
from mixatlas.space.grid import Grid

INK, MUTED, ACCENT, SECOND = "#1b2733", "#8494a3", "#c2410c", "#0f5c8c"
_STYLE = {
    "svg.hashsalt": "mixatlas",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
}


def heat_maps(named: Sequence[tuple[str, Mixture]]) -> tuple[str, ...]:
    """Draw mixtures over one grid as concept × task maps on one colour scale, in percent."""
    grid = Grid.of(named[0][1].domains)
    if grid.is_empty:
        return (_bars(named),)
    top = max(float(np.nanmax(_cells(grid, mixture))) for _, mixture in named)
    return tuple(_heat_map(grid, name, mixture, top=top) for name, mixture in named)


def _heat_map(grid: Grid, name: str, mixture: Mixture, *, top: float) -> str:
    values = _cells(grid, mixture)
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(5.2, 0.46 * len(grid.concepts) + 1.0))
        axis = figure.subplots()
        axis.imshow(values, cmap="YlOrBr", vmin=0.0, vmax=top, aspect="auto")
        axis.set_title(name, loc="left", fontsize=10, fontweight="bold")
        axis.set_xticks(range(len(grid.tasks)), grid.tasks)
        axis.set_yticks(range(len(grid.concepts)), grid.concepts)
        axis.tick_params(length=0)
        axis.spines[:].set_visible(False)
        for c, t in np.ndindex(values.shape):
            if np.isfinite(values[c, t]):
                color = "white" if values[c, t] > 0.6 * top else INK
                axis.text(t, c, f"{values[c, t]:.1f}", ha="center", va="center", color=color)
        figure.tight_layout()
        return _svg(figure, f"{name}: shares of tokens in percent, concept by task")


def _cells(grid: Grid, mixture: Mixture) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    values = np.full((len(grid.concepts), len(grid.tasks)), np.nan)
    for d, part in enumerate(mixture.fractions):
        values[int(grid.C_cd[:, d].argmax()), int(grid.T_td[:, d].argmax())] = 100 * part
    return values


def _bars(named: Sequence[tuple[str, Mixture]]) -> str:
    domains = named[0][1].domains
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(7.0, 0.3 * len(domains) + 0.8))
        axis = figure.subplots()
        height = 0.8 / len(named)
        for i, (name, mixture) in enumerate(named):
            y = np.arange(len(domains)) + (i - (len(named) - 1) / 2) * height
            color = (ACCENT, MUTED, SECOND)[i % 3]
            axis.barh(y, 100 * np.array(mixture.fractions), height, label=name, color=color)
        axis.set_yticks(np.arange(len(domains)), domains)
        axis.invert_yaxis()
        axis.set_xlabel("share of tokens, %")
        axis.legend(frameon=False, loc="lower right", bbox_to_anchor=(1, 1), ncols=len(named))
        figure.tight_layout()
        return _svg(figure, "Shares of tokens in percent, by domain")


def gain_plot(rows: Sequence[GainRow], over: str) -> str:
    """Draw gains over one baseline with their intervals, each as a share of its own scale."""
    shown = [row for row in rows if over in row.gains]
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(6.4, 0.36 * len(shown) + 0.9))
        axis = figure.subplots()
        axis.axvline(0.0, color=MUTED, linewidth=1)
        for y, row in enumerate(shown):
            gain = row.gains[over]
            color = ACCENT if gain.lower > 0 else SECOND if gain.upper < 0 else MUTED
            axis.plot([gain.lower, gain.upper], [y, y], color=color, linewidth=2)
            axis.plot(gain.mean, y, "o", color=color, markersize=6)
        axis.set_yticks(range(len(shown)), [f"{row.name} ({row.unit})" for row in shown])
        axis.invert_yaxis()
        axis.set_xlabel(f"gain over {over}, 95 % interval; right is better")
        figure.tight_layout()
        return _svg(figure, f"Gains over {over}")


def history_plot(rows: Sequence[TrialRow]) -> str:
    """Draw the objective over trials with the best so far."""
    scored = [
        (row.trial, row.objective, row.purpose.value)
        for row in rows
        if row.objective is not None and row.purpose in SEARCH_PURPOSES
    ]
    if not scored:
        return ""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(6.4, 2.8))
        axis = figure.subplots()
        for name, color, marker in (
            ("baseline", SECOND, "s"),
            ("initial", MUTED, "o"),
            ("replicate", MUTED, "x"),
            ("proposed", ACCENT, "o"),
        ):
            points = [(trial, value) for trial, value, purpose in scored if purpose == name]
            if points:
                x, y = zip(*points, strict=True)
                axis.plot(x, y, marker, color=color, label=name, markersize=5)
        best = np.maximum.accumulate([value for _, value, _ in scored])
        axis.step([t for t, _, _ in scored], best, where="post", color=INK, linewidth=1)
        axis.set_xlabel("trial")
        axis.set_ylabel("objective")
        axis.legend(frameon=False, ncols=4, loc="lower right", fontsize=8)
        figure.tight_layout()
        return _svg(figure, "Objective over trials, with the best so far")


def prediction_plot(rows: Sequence[TrialRow]) -> str:
    """Draw what the surrogate predicted against what was measured afterwards."""
    pairs = [
        (row.predicted.mean, row.predicted.sd, row.objective)
        for row in rows
        if row.predicted is not None and row.objective is not None
    ]
    if not pairs:
        return ""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(3.6, 3.2))
        axis = figure.subplots()
        mean, sd, measured = (np.array(column) for column in zip(*pairs, strict=True))
        axis.errorbar(
            mean, measured, xerr=1.96 * sd, fmt="o", color=ACCENT, ecolor=MUTED, markersize=5
        )
        ends = [min(mean.min(), measured.min()), max(mean.max(), measured.max())]
        axis.plot(ends, ends, color=INK, linewidth=1)
        axis.set_xlabel("predicted objective, 95 %")
        axis.set_ylabel("measured objective")
        figure.tight_layout()
        return _svg(figure, "Predicted against measured objective of proposed trials")


def _svg(figure: Figure, label: str) -> str:
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    drawing = text[text.index("<svg") :]
    return drawing.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)
