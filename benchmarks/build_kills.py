"""Whether SIGKILLs change what `corpus build` makes of 100,000 samples: goal equal bytes.

    python benchmarks/build_kills.py [--samples N] [--kills N] [--seed N]

Samples are tiles of scikit-learn's two photos, each turned and shaded in its own way, in a LLaVA
file; concepts are clusters of a tiny CLIP. The same document is built undisturbed, and by processes
that are killed at random moments until N have been. Prints samples a second and whether all files
are equal, and writes build/benchmarks/build_kills.json.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance
from sklearn.datasets import load_sample_images

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "examples" / "demo"))

from clip_checkpoint import write_clip
from raw_corpus import write_tokenizer
from raw_sources import a_chat

DOCUMENT = """\
sources: [{name: tiles, format: Llava, uri: tiles.jsonl, images: images}]
parts: 8
concepts: {method: Clusters, model: model, k: 4}
tokenizer: tokenizer
imageTokens: 4
"""
TILE = 32


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=100_000)
    parser.add_argument("--kills", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("build/benchmarks/build_kills.json"))
    arguments = parser.parse_args()
    draw = np.random.default_rng(arguments.seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_source(folder, arguments.samples, draw)
        whole = build(folder, "whole", None)
        moments = []
        while len(moments) < arguments.kills:
            moment = float(draw.uniform(0.1, 0.9)) * whole
            if build(folder, "killed", moment) is not None:
                raise SystemExit("it ended before it was killed")
            moments.append(moment)
        again = build(folder, "killed", None)
        found = {
            "samples": arguments.samples,
            "wholeS": whole,
            "samplesPerSecond": arguments.samples / whole,
            "peakMib": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024,
            "killedAtS": moments,
            "lastRunS": again,
            "equal": digests(folder / "whole") == digests(folder / "killed"),
        }
    print(json.dumps(found, indent=1))
    print(f"goal equal bytes: {'met' if found['equal'] else 'missed'}")
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(found, indent=1) + "\n")


def write_source(folder: Path, n: int, draw: np.random.Generator) -> None:
    """Write a LLaVA file with n samples, a model and a tokenizer."""
    write_tokenizer(folder / "tokenizer")
    write_clip(folder / "model")
    (folder / "corpus.yaml").write_text(DOCUMENT)
    photos = [Image.fromarray(photo) for photo in load_sample_images().images]
    with (folder / "tiles.jsonl").open("w") as lines:
        for number in range(n):
            photo = photos[number % len(photos)]
            x, y = draw.integers(photo.width - TILE), draw.integers(photo.height - TILE)
            tile = photo.crop((x, y, x + TILE, y + TILE)).rotate(90 * draw.integers(4))
            file = io.BytesIO()
            ImageEnhance.Brightness(tile).enhance(draw.uniform(0.6, 1.0)).save(file, "JPEG")
            path = folder / "images" / f"{number // 1000:03d}" / f"{number % 1000:03d}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(file.getvalue())
            image = path.relative_to(folder / "images").as_posix()
            turns = a_chat("<image>\nwhat is it ?\nAnswer with a single word.", "square")
            lines.write(json.dumps({"id": number, "image": image, "conversations": turns}) + "\n")


def build(folder: Path, out: str, limit: float | None) -> float | None:
    """Build, or be killed after `limit` seconds; return the seconds, None when killed."""
    command = [str(Path(sys.executable).parent / "mixatlas"), "corpus", "build", str(folder / out)]
    begun = time.perf_counter()
    process = subprocess.Popen(
        [*command, "-f", str(folder / "corpus.yaml")], stderr=subprocess.DEVNULL
    )
    try:
        code = process.wait(limit)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return None
    if code:
        raise SystemExit(f"the build ended with exit code {code}")
    return time.perf_counter() - begun


def digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file but the record of the build itself."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "build.json"
    }


if __name__ == "__main__":
    main()
