"""One self-contained HTML page: no script, no request leaves the file."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup as Safe

from mixatlas.contract.mixture import Mixture
from mixatlas.ledger.records import Interval, mixture_of
from mixatlas.plan.finish import latest_winner
from mixatlas.plan.observed import Observed
from mixatlas.plan.standing import read_standing
from mixatlas.plan.status import cost_of, near_optimal_of, phase_of
from mixatlas.report.figures import gain_plot, heat_maps, history_plot, prediction_plot
from mixatlas.report.tables import (
    compared_with,
    gain_rows,
    near_optimal_sentence,
    noise_rows,
    trial_rows,
)
from mixatlas.report.template import environment, render


def render_report(observed: Observed) -> bytes:
    """Render the page of a search, finished or not.

    Args:
        observed: Everything known.

    Returns:
        UTF-8 HTML. The same observation gives the same bytes; all text is escaped.
    """
    page = environment()
    page.filters["signed"] = _signed
    page.filters["interval"] = _interval
    return render(page, "page.html.jinja", _context(observed))


def _context(observed: Observed) -> dict[str, Any]:
    accepted = observed.accepted
    standing = read_standing(observed)
    rows = trial_rows(observed)
    winner = latest_winner(observed)
    near = near_optimal_of(observed)
    over = compared_with(observed)
    context: dict[str, Any] = {
        "name": accepted.record.name,
        "phase": phase_of(observed, standing),
        "winner": winner,
        "over": over,
        "gains": gain_rows(observed, winner) if winner else (),
        "maps": (),
        "gain_figures": (),
        "weights": (),
        "trials": rows,
        "noise": noise_rows(observed),
        "near_optimal": near_optimal_sentence(near) if near else "",
        "history": _drawn(history_plot(rows)),
        "predictions": _drawn(prediction_plot(rows)),
        "cost": cost_of(observed, standing),
        "n_attempts": sum(row.attempts for row in rows),
        "n_failed": sum(row.state in ("failed", "outOfMemory") for row in rows),
        "trains_own_base": any(row.trial == 0 for row in rows),
        "digest": accepted.record.manifest_sha256,
        "ledger": accepted.layout.root,
        "seed": accepted.search.spec.search.seed,
        "axes": accepted.search.spec.axes,
        "target": accepted.search.spec.target,
        "reference": accepted.search.spec.objective.reference,
    }
    if winner is not None:
        mixture = mixture_of(winner.mixture, accepted.view)
        natural = accepted.baselines["natural"]
        context["maps"] = tuple(
            _drawn(map_) for map_ in heat_maps([("winner", mixture), ("natural", natural)])
        )
        context["gain_figures"] = tuple(
            _drawn(gain_plot(context["gains"], name))
            for name in over
            if any(name in row.gains for row in context["gains"])
        )
        context["weights"] = _weights(mixture, natural)
    return context


def _weights(mixture: Mixture, natural: Mixture) -> list[tuple[str, float, float]]:
    """Return (domain, percent, natural percent), the largest change first."""
    rows = [
        (name, 100 * part, 100 * own)
        for name, part, own in zip(
            mixture.domains, mixture.fractions, natural.fractions, strict=True
        )
    ]
    return sorted(rows, key=lambda row: (-abs(row[1] - row[2]), row[0]))


def _signed(value: float) -> str:
    return f"{value:+.3f}"


def _interval(interval: Interval) -> str:
    return f"{interval.mean:+.3f} [{interval.lower:+.3f}, {interval.upper:+.3f}]"


def _drawn(svg: str) -> Safe:
    """Mark a figure of ours as safe: matplotlib escapes every name that it draws."""
    return Safe(svg)  # noqa: S704
