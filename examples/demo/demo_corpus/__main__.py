"""`python -m demo_corpus OUT`: write the raw files of both corpora."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from demo_corpus.build import build
from demo_corpus.domains import BENCHMARK_POOLS, SEARCH_POOLS
from demo_corpus.sheet import contact_sheet
from demo_corpus.sources import load_stocks


def main() -> None:
    """Parse the command line and build, or draw a contact sheet."""
    parser = argparse.ArgumentParser(prog="demo_corpus", description=__doc__)
    parser.add_argument("out", type=Path, help="folder to make; one that is there is kept")
    parser.add_argument("--sheet", type=Path, help="write a contact sheet (PNG) instead")
    arguments = parser.parse_args()
    if arguments.sheet is None:
        build(arguments.out, processes=os.cpu_count() or 1)
        return
    training, held_out = load_stocks()
    rows = [contact_sheet(SEARCH_POOLS, training), contact_sheet(BENCHMARK_POOLS, held_out)]
    for index, sheet in enumerate(rows):
        sheet.save(arguments.sheet.with_stem(f"{arguments.sheet.stem}-{index}"))


if __name__ == "__main__":
    main()
