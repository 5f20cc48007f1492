"""How long a user waits for `mixatlas --help`: goal 0.3 s.

    python benchmarks/startup.py [--repeat N]

Alternates with the bare interpreter and with `pip --help`, a command line that its users do not
think slow; prints medians and ratios and writes build/benchmarks/startup.json.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

GOAL_S = 0.3
BIN = Path(sys.executable).parent
COMMANDS = {
    "mixatlas --help": [str(BIN / "mixatlas"), "--help"],
    "python -c pass": [sys.executable, "-c", "pass"],
    "pip --help": [str(BIN / "pip"), "--help"],
}


def seconds(command: list[str]) -> float:
    """Run a command to its end and return the wall time."""
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeat", type=int, default=10)
    parser.add_argument("--out", type=Path, default=Path("build/benchmarks/startup.json"))
    arguments = parser.parse_args()
    for command in COMMANDS.values():
        seconds(command)  # the page cache is not what is measured
    runs: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(arguments.repeat):
        for name, command in COMMANDS.items():
            runs[name].append(seconds(command))
    median = {name: statistics.median(times) for name, times in runs.items()}
    ours = median["mixatlas --help"]
    for name, value in median.items():
        print(f"{name:18} {value:.3f} s   {ours / value:.2f} times as long: mixatlas")
    print(f"goal {GOAL_S} s: {'met' if ours <= GOAL_S else 'missed'}")
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps({"medianSeconds": median}, indent=1) + "\n")


if __name__ == "__main__":
    main()
