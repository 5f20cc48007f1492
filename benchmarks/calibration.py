"""Are the intervals true? Shares of unseen runs inside them, on real and synthetic tables.

    PYTHONPATH=operator python benchmarks/calibration.py [--quick] [--splits 10] [--jobs 2]

The surrogate sees some runs of a table and says mean and standard deviation of a new measurement of
every metric of every other run, on the same splits as `spearman.py`. A figure is the share, in
percent, of measurements within the central 50, 80 and 95 % of the normal distribution that this
is. CRPS is the continuous ranked probability score of that distribution, in sds of the metric over
the table, smaller is better: 0.56 is what a normal metric gets from its own mean and sd. Exits 1
where a share is off by more than 3 points over the predictions of all tables together, of the real
or of the synthetic ones, or by more than 8 on a table. Takes 5 minutes on 2 cores, with --quick (2
splits) 1; the real tables alone 90 seconds.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from data.splits import CHOICES, on_splits
from data.synthetic import SYNTHETIC
from data.tables import TABLES
from numpy.typing import NDArray
from scipy.stats import norm

from mixatlas.surrogate.table import learn_table

FloatArray = NDArray[np.float64]

LEVELS = (0.50, 0.80, 0.95)
BAR_OF_ALL, BAR_OF_A_TABLE = 0.03, 0.08
FEW = 200
"""Predictions below which a table's shares are luck."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """Predictions of one table after one number of runs: split × unseen run × metric.

    Args:
        table: Its name.
        size: Runs seen.
        z: Measured less predicted, in predicted sds.
        crps: In sds of the metric over the table.
    """

    table: str
    size: int
    z: FloatArray
    crps: FloatArray


def crps(z: FloatArray, sd: FloatArray) -> FloatArray:
    """Return the score of normal distributions (Gneiting and Raftery 2007, section 4.2)."""
    return np.asarray(sd * (z * (2 * norm.cdf(z) - 1) + 2 * norm.pdf(z) - 1 / np.sqrt(np.pi)))


def coverage(z: FloatArray) -> FloatArray:
    """Return the share of measurements inside the interval of each level."""
    return np.array([(np.abs(z) <= norm.ppf(0.5 + level / 2)).mean() for level in LEVELS])


def predict_split(name: str, size: int, seed: int) -> tuple[FloatArray, FloatArray]:
    """Return z and CRPS (unseen runs, metrics) of one split of one table."""
    table = CHOICES[name]()
    split = table.split(size, seed)
    posterior = learn_table(table.domains, table.W_nd[split.seen], table.Y_nm[split.seen])
    posterior = posterior.checked()
    mean_qm, sd_qm = posterior.predict(table.W_nd[split.unseen])
    z_qm = (table.Y_nm[split.unseen] - mean_qm) / sd_qm
    return z_qm, crps(z_qm, sd_qm / table.Y_nm.std(axis=0))


def measure(names: Sequence[str], *, n_splits: int, jobs: int) -> Iterator[Line]:
    """Yield the lines of all tables and sizes as they are done."""
    for name, size, splits in on_splits(names, predict_split, n_splits=n_splits, jobs=jobs):
        z, scores = zip(*splits, strict=True)
        yield Line(table=name, size=size, z=np.array(z), crps=np.array(scores))


def summary(lines: Sequence[Line], bar: float) -> dict[str, object]:
    """Return shares and CRPS over all predictions of some lines, and whether they pass."""
    z = np.concatenate([line.z.ravel() for line in lines])
    covered = coverage(z)
    return {
        "predictions": len(z),
        "coverage": covered.tolist(),
        "crps": float(np.mean(np.concatenate([line.crps.ravel() for line in lines]))),
        "passes": len(z) < FEW or bool((np.abs(covered - LEVELS) <= bar).all()),
    }


def _print_row(name: str, size: object, row: dict[str, object], *, is_judged: bool) -> None:
    covered = row["coverage"]
    assert isinstance(covered, list)
    shares = "  ".join(f"{100 * share:5.1f}" for share in covered)
    mark = "  <- outside" if is_judged and not row["passes"] else ""
    text = f"{name:<14}{size:>5}  {row['predictions']:>11}  {shares}  {row['crps']:6.3f}{mark}"
    print(text, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; exit 1 where intervals are too narrow or too wide."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="2 splits")
    parser.add_argument("--splits", type=int, default=10, help="the demo has at most 17")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--tables", nargs="+", choices=CHOICES, default=list(CHOICES))
    parser.add_argument("--json", type=Path, default=None)
    options = parser.parse_args(arguments)
    begun = time.perf_counter()
    print(f"{'table':<14} seen  predictions   50 %   80 %   95 %    CRPS")
    lines, rows = [], []
    n_splits = 2 if options.quick else options.splits
    for line in measure(options.tables, n_splits=n_splits, jobs=options.jobs):
        lines.append(line)
        row = summary([line], BAR_OF_A_TABLE)
        rows.append({"table": line.table, "size": line.size} | row)
        _print_row(line.table, line.size, row, is_judged=False)
    groups = {name: [name] for name in options.tables}
    pools = {"real": TABLES, "synthetic": SYNTHETIC, "all": CHOICES}
    for title, names in {**groups, **pools}.items():
        chosen = [line for line in lines if line.table in names]
        if chosen:
            row = summary(chosen, BAR_OF_ALL if title in pools else BAR_OF_A_TABLE)
            rows.append({"table": title, "size": None} | row)
            _print_row(title, "all", row, is_judged=True)
    print(f"{time.perf_counter() - begun:.0f} s")
    if options.json:
        options.json.write_text(json.dumps(rows) + "\n")
    return int(not all(row["passes"] for row in rows if row["size"] is None))


if __name__ == "__main__":
    sys.exit(main())
