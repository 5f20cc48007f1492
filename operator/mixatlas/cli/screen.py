"""What a person sees of a running and of a finished search: at most 80 columns."""

from __future__ import annotations

from typing import Any

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from mixatlas.ledger.records import NearOptimal, mixture_of
from mixatlas.plan.finish import latest_winner
from mixatlas.plan.observed import Observed
from mixatlas.report.tables import compared_with, gain_rows, near_optimal_sentence

Plain = dict[str, Any]
BAR_WIDTH = 24
MOST_RUNNING_SHOWN = 8


def shorten(text: str, width: int) -> str:
    """Cut a text that is longer than a column.

    Example:
        >>> shorten("whole concepts and tasks", 10)
        'whole con…'
    """
    return text if len(text) <= width else f"{text[: width - 1]}…"


def describe_status(name: str, status: Plain) -> Group:
    """Render a status: the search, its best, how many are as good, each running trial.

    Args:
        name: Of the search.
        status: As the driver writes it; empty before anybody has looked at the search.
    """
    summary = {"status": "Pending", **status.get("summary", {})}
    cells = [summary["status"]]
    if "trials" in summary:  # the search was accepted
        cells += [f"{word} {summary[word]}" for word in ("trials", "running", "failed")]
        cells += [f"left {summary['eta']}"] if summary["eta"] else []
    lines = [Text.assemble((f"{name}  ", "bold"), "  ".join(cells))]
    best = status.get("best")
    if best:
        value = best["objective"]
        text = f"best so far: trial {best['trial']}, objective {value['mean']:.3f}"
        if value["upper"] > value["lower"]:
            text += f" [{value['lower']:.3f}, {value['upper']:.3f}]"
        if summary["gain"]:
            text += f", gain {summary['gain']}"
        lines.append(Text(text))
    near = status.get("nearOptimal")
    if near:
        # A newer operator may say more.
        known = NearOptimal(**{name: near[name] for name in NearOptimal.model_fields})
        lines.append(Text(near_optimal_sentence(known)))
    running = status.get("inFlight", [])
    speed = sum(row.get("tokensPerSecond", 0.0) for row in running)
    if speed:
        lines.append(Text(f"{speed:,.0f} tokens/s", style="dim"))
    lines += [_running_line(row) for row in running[:MOST_RUNNING_SHOWN]]
    lines += [
        Text(f"{c['type']}: {c['reason']}: {c['message']}", style="yellow")
        for c in status.get("conditions", ())
        if (c["type"], c["status"]) in (("Degraded", "True"), ("Accepted", "False"))
        or (c["type"] == "Finished" and c["reason"] == "Failed")
    ]
    return Group(*lines)


def _running_line(row: Plain) -> Text:
    head = f"  trial {row['trial']:>3} {row['purpose']:<9}"
    total = row.get("totalTokens")
    if not total:
        return Text(f"{head} starting")
    share = min(1.0, row["tokens"] / total)
    full = round(BAR_WIDTH * share)
    bar = "━" * full + "╌" * (BAR_WIDTH - full)
    return Text(f"{head} {bar} {100 * share:3.0f} %  {row['phase']}")


def searches_table(table: Plain, *, with_namespaces: bool) -> Table:
    """Return the API server's table of searches: the columns of `kubectl get mxs`."""
    shown = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    columns = [i for i, c in enumerate(table["columnDefinitions"]) if c["priority"] == 0]
    names = [table["columnDefinitions"][i]["name"].upper() for i in columns]
    for name in ["NAMESPACE", *names] if with_namespaces else names:
        shown.add_column(name, no_wrap=True)
    for row in table["rows"]:
        cells = ["" if row["cells"][i] is None else str(row["cells"][i]) for i in columns]
        namespace = row["object"]["metadata"]["namespace"]
        shown.add_row(*([namespace, *cells] if with_namespaces else cells))
    return shown


def print_answer(console: Console, observed: Observed, *, report: str | None) -> None:
    """Print the winner against the baselines, per benchmark with intervals."""
    winner = latest_winner(observed)
    if winner is None:
        return
    reference = observed.accepted.search.spec.objective.reference
    if winner.gain_shown:
        console.print(f"\n[bold]Winner[/bold]: {winner.why}.")
    else:
        console.print(f"\n[bold]No gain over {reference} is shown[/bold]: {winner.why}.")
    over = compared_with(observed)
    rows = gain_rows(observed, winner)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("", no_wrap=True)
    table.add_column("winner", justify="right")
    for name in over:
        table.add_column(f"over {name}, 95 %", justify="right", no_wrap=True)
    for row in rows:
        gains = [row.gains.get(name) for name in over]
        cells = [
            f"{g.mean:+.3f} [{g.lower:+.3f}, {g.upper:+.3f}]" if g is not None else ""
            for g in gains
        ]
        table.add_row(row.name, f"{row.winner:.3f}", *cells)
    console.print(table)
    console.print("Gains on unseen seeds and items; positive is better.", style="dim")
    parts = mixture_of(winner.mixture, observed.accepted.view).parts
    top = [(name, ppm) for name, ppm in sorted(parts, key=lambda part: (-part[1], part[0])) if ppm]
    weights = ", ".join(f"{name} {ppm / 10_000:.1f} %" for name, ppm in top[:8])
    console.print(f"Largest weights: {weights}")
    if report is not None:
        console.print(f"Report: {report}", soft_wrap=True)
