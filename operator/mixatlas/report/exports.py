"""All trials as CSV or JSON: one row a trial, one column a domain and a benchmark."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from typing import Any

from mixatlas.contract.mixture import PPM
from mixatlas.report.tables import TrialRow

Plain = dict[str, Any]


def trials_plain(rows: Sequence[TrialRow], *, is_stable: bool) -> list[Plain]:
    """Return trials as JSON-ready data.

    Args:
        rows: The trials.
        is_stable: Leave out what a repeated run would not repeat: attempts and seconds.
    """
    return [_plain(row, is_stable=is_stable) for row in rows]


def trials_json(rows: Sequence[TrialRow], *, is_stable: bool = False) -> str:
    """Render trials as a JSON list."""
    return json.dumps(trials_plain(rows, is_stable=is_stable), indent=2, sort_keys=True) + "\n"


def trials_csv(rows: Sequence[TrialRow]) -> str:
    """Render one row a trial: `w:DOMAIN` are shares of tokens, `score:BENCHMARK` scores."""
    domains = rows[0].mixture.domains if rows else ()
    benchmarks = list(dict.fromkeys(name for row in rows for name in row.scores))
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(
        [
            *("trial", "round", "purpose", "state", "seed", "objective", "seconds"),
            *(f"w:{name}" for name in domains),
            *(f"score:{name}" for name in benchmarks),
        ]
    )
    for row in rows:
        objective = "" if row.objective is None else repr(row.objective)
        writer.writerow(
            [
                *(row.trial, row.round, row.purpose.value, row.state, row.seed, objective),
                f"{row.seconds:.1f}",
                *(f"{part / PPM:.6f}" for part in row.mixture.ppm),
                *(repr(row.scores[name]) if name in row.scores else "" for name in benchmarks),
            ]
        )
    return buffer.getvalue()


def _plain(row: TrialRow, *, is_stable: bool) -> Plain:
    plain: Plain = {
        "trial": row.trial,
        "round": row.round,
        "purpose": row.purpose.value,
        "state": row.state,
        "seed": row.seed,
        "mixture": row.mixture.to_plain(),
        "objective": row.objective,
        "predicted": row.predicted.to_plain() if row.predicted else None,
        "scores": row.scores,
        "why": row.why,
    }
    if not is_stable:
        plain |= {"attempts": row.attempts, "seconds": row.seconds}
    return plain
