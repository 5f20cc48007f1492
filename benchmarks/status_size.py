"""How large the status of a search at its limits grows: goal under 64 KiB at 2,000 trials.

    python benchmarks/status_size.py [--trials N …]

128 domains and 32 benchmarks with the longest names, everything told that a status can tell;
prints bytes a part and writes build/benchmarks/status_size.json.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from large_search import a_large_search, size_of
from mixatlas.plan.status import describe

GOAL = 64 * 1024
N_RUNNING = {"ended": 0, "running": 4}


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, nargs="+", default=[10, 100, 1_000, 2_000])
    parser.add_argument("--out", type=Path, default=Path("build/benchmarks/status_size.json"))
    arguments = parser.parse_args()
    rows = []
    print("trials  state     bytes  largest parts")
    for n_trials in arguments.trials:
        for state, n_running in N_RUNNING.items():
            status, _ = describe(a_large_search(n_trials, n_running=n_running), 0.0)
            parts = {key: size_of(value) for key, value in status.items()}
            rows.append({"trials": n_trials, "state": state, "bytes": size_of(status)} | parts)
            largest = sorted(parts, key=lambda key: -parts[key])[:4]
            told = ", ".join(f"{key} {parts[key]}" for key in largest)
            print(f"{n_trials:6}  {state:8} {size_of(status):6}  {told}")
    most = max(int(row["bytes"]) for row in rows)
    print(f"goal under {GOAL} bytes: {'met' if most < GOAL else 'missed'}")
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps({"rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
