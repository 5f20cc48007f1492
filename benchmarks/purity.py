"""How pure learnt concepts of the demo's corpus are: goal .9 against the concepts that drew them.

    python benchmarks/purity.py [--raw FOLDER] [--steps N] [--k K …]

Trains the demo's tiny CLIP on the captions of the corpus, labels the corpus by `Clusters` for
several k and by `Column`, and compares: purity is the share of samples whose cluster's most
frequent concept is their own. Needs the raw files of `make demo`. Prints a table and writes
build/benchmarks/purity.json.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import yaml

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "examples" / "demo"))

from demo_corpus.tiny_clip import train_clip
from mixatlas.corpus.cells import CellLine
from mixatlas.corpus.document import load_document
from mixatlas.corpus.files import LocalFiles
from mixatlas.corpus.parts import PartPictures
from mixatlas.corpus.stage import Workspace
from mixatlas.corpus.stages import Stages

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "examples" / "demo" / "corpus.yaml"
SIDE = 48
GOAL = 0.9
PHOTOS = ("animal", "object")
"""Both are emoji on plain ground."""


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--raw", type=Path, default=ROOT / "build" / "demo" / "raw")
    parser.add_argument("--steps", type=int, default=800)
    parser.add_argument("--pairs", type=int, default=8000)
    parser.add_argument("--k", type=int, nargs="*", default=[5, 10, 20])
    parser.add_argument("--out", type=Path, default=Path("build/benchmarks/purity.json"))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        truth = list(label(folder, arguments.raw, {"method": "Column"}))
        captions = [line for line in truth if line.task == "caption"]
        chosen = np.random.default_rng(0).choice(len(captions), arguments.pairs, replace=False)
        pictures = PartPictures(folder / "parts")
        pairs = [
            (pictures.read(captions[i].images[0]), captions[i].turns[0].answer) for i in chosen
        ]
        begun = time.process_time()
        train_clip(folder / "model", pairs, side=SIDE, steps=arguments.steps)
        found: dict[str, object] = {"trainCpuS": time.process_time() - begun}
        concepts = {line.where: line.concept for line in truth}
        for k in arguments.k:
            clusters = {"method": "Clusters", "model": str(folder / "model"), "k": k}
            lines = list(label(folder, arguments.raw, clusters))
            found[f"k={k}"] = table(lines, concepts)
    print(json.dumps(found, indent=1))
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(found, indent=1) + "\n")


def label(folder: Path, raw: Path, concepts: dict[str, object]) -> Iterator[CellLine]:
    """Yield the labelled samples of the demo's corpus, with other `concepts`."""
    document = yaml.safe_load(DOCUMENT.read_text())
    for source in document["sources"]:
        for field in ("uri", "images"):
            if field in source:
                source[field] = source[field].replace("../../build/demo/raw", str(raw))
    document["concepts"] = concepts
    del document["items"], document["benchmarks"]
    path = folder / "corpus.yaml"
    path.write_text(yaml.safe_dump(document))
    work = Workspace(folder / "parts")
    stages = Stages(
        path,
        load_document(path),
        work=work,
        open_files=lambda place: LocalFiles(Path(place)),
        on_progress=lambda stage, done, of: None,
    )
    read = stages.read()
    if concepts["method"] == "Clusters":
        stages.find(read, None)
    axis = stages.columns() if concepts["method"] == "Column" else stages.found()
    stages.label(read, axis)
    for part in read:
        for line in work.path(f"{part.name}.cells").read_bytes().splitlines():
            yield CellLine.model_validate_json(line)


def table(lines: list[CellLine], concepts: dict[str, str]) -> dict[str, object]:
    """Return the purity, also with both kinds of photo as one, and what each cluster holds."""
    clusters: dict[str, Counter[str]] = defaultdict(Counter)
    for line in lines:
        clusters[line.concept][concepts[line.where]] += 1
    merged = {
        name: Counter({"photo": sum(held[c] for c in PHOTOS)})
        + Counter({c: n for c, n in held.items() if c not in PHOTOS})
        for name, held in clusters.items()
    }
    return {
        "purity": purity(clusters),
        "purityOfPhotosAsOne": purity(merged),
        "clusters": {name: dict(held.most_common()) for name, held in clusters.items()},
    }


def purity(clusters: dict[str, Counter[str]]) -> float:
    """Return the share of samples in the majority of their cluster."""
    held = clusters.values()
    return sum(max(c.values()) for c in held) / sum(sum(c.values()) for c in held)


if __name__ == "__main__":
    main()
