"""How right the built-in rules of tasks are, and how fast: goal .97 in each format's own style.

    python benchmarks/task_labels.py

Writes the turns of `tests/corpus/tasks/styles` by each format's own library, builds a corpus, and
compares its tasks with those given. Prints a table a set and the confusion of all, and writes
build/benchmarks/task-labels.json.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from contextlib import redirect_stdout
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from mixatlas.contract.manifest import TASKS, Turn
from mixatlas.corpus.tasks import Confusion, TaskSettings, label_turn
from style_sources import STYLES, confusions, read_styles


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("build/benchmarks/task-labels.json"))
    arguments = parser.parse_args()
    found: dict[str, object] = {}
    total = Confusion()
    for path in sorted(STYLES.glob("*.jsonl")):
        with tempfile.TemporaryDirectory() as folder, redirect_stdout(sys.stderr):
            by_format = confusions(Path(folder), read_styles(path.stem))
        of_set = sum(by_format.values(), Confusion())
        total += of_set
        found[path.stem] = {name: _figures(one) for name, one in by_format.items()}
        print(f"{path.stem}: {of_set.accuracy:.3f} of {of_set.n}")
        for name, one in by_format.items():
            print(f"  {name:14} {one.accuracy:.3f} of {one.n}")
    print(f"{'given':16}" + "".join(f"{task[:8]:>10}" for task in TASKS))
    for task, row in zip(TASKS, total.counts, strict=True):
        print(f"{task:16}" + "".join(f"{count:10}" for count in row))
    found |= {"confusion": total.counts, "microsecondsATurn": _speed()}
    print(f"{found['microsecondsATurn']:.0f} µs a turn")
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(found, indent=1) + "\n")


def _figures(found: Confusion) -> dict[str, float]:
    return {"samples": found.n, "accuracy": found.accuracy or 0.0}


def _speed() -> float:
    """Return the least CPU time of five passes, in microseconds a turn."""
    turns = [
        Turn(question=row["question"] or "Describe the image.", answer=row["answer"] or "1 2 3 4")
        for path in STYLES.glob("*.jsonl")
        for row in read_styles(path.stem)
    ]
    passes = []
    for _ in range(5):
        begun = time.process_time()
        for turn in turns:
            label_turn(turn, has_image=True, settings=TaskSettings())
        passes.append(time.process_time() - begun)
    return min(passes) / len(turns) * 1e6


if __name__ == "__main__":
    main()
