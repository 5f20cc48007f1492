"""The demo from end to end: corpus, base, store, search, answer. `make demo` runs it.

Every step is skipped when its result is there, so the same command goes on where it was.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from mixatlas.local.state import StateFolder
from mixatlas.spec.load import load_search

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BUILD = ROOT / "build" / "demo"
DOCUMENT = HERE / "search.yaml"
CORPUS_URI, BASE_URI = "s3://corpora/demo", "s3://corpora/demo-base"
MIXATLAS = (sys.executable, "-c", "from mixatlas.cli import main; main()")
BUILD_CORPUS = (
    *MIXATLAS,
    "corpus",
    "build",
    str(BUILD / "corpus"),
    "-f",
    str(HERE / "corpus.yaml"),
)
PACK_BASE = (
    *(*MIXATLAS, "corpus", "pack", str(BUILD / "raw" / "base" / "samples.jsonl")),
    *(str(BUILD / "base-corpus"), "--config", str(HERE / "base-pack.yaml")),
)


def main() -> int:
    """Run what is missing, then the search; return its exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--fresh", action="store_true", help="train the base and search anew")
    arguments = parser.parse_args()
    document = DOCUMENT.relative_to(Path.cwd()) if DOCUMENT.is_relative_to(Path.cwd()) else DOCUMENT
    for name in ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"):
        os.environ.pop(name, None)  # the demo's store is its own
    search = load_search(DOCUMENT.read_text(encoding="utf-8"), filename=str(document))
    state = StateFolder.of(DOCUMENT, search.metadata.name, None)
    if arguments.fresh:
        shutil.rmtree(state.path, ignore_errors=True)
        for path in BUILD.glob("base*"):
            if path.name != "base-corpus":
                shutil.rmtree(path)
    try:
        if not is_finished(state):
            prepare()
            # Loaded only where there is something to do: a finished demo answers at once.
            from mixatlas.corpus import push
            from mixatlas.local.place import open_store

            with open_store(search, state) as (store, _):
                store.ensure_bucket("corpora")
                push(BUILD / "corpus", CORPUS_URI, store)
                for path in sorted((BUILD / "base").iterdir()):
                    store.put(f"{BASE_URI}/{path.name}", path.read_bytes())
        return subprocess.run([*MIXATLAS, "run", "-f", str(document)]).returncode
    except KeyboardInterrupt:
        print("\nInterrupted. To go on: make demo")
        return 130


def prepare() -> None:
    """Make the two corpora and train the base, where they are not there yet."""
    environment = {**os.environ, "PYTHONPATH": str(HERE)}
    raw = BUILD / "raw"
    steps: list[tuple[str, Path, Sequence[str]]] = [
        ("Drawing the demo corpus", raw, (sys.executable, "-m", "demo_corpus", str(raw))),
        ("Building it", BUILD / "corpus", BUILD_CORPUS),
        ("Packing the base's", BUILD / "base-corpus", PACK_BASE),
        (
            "Training the shared base",
            BUILD / "base",
            (sys.executable, str(HERE / "base.py"), str(BUILD)),
        ),
    ]
    for title, result, command in steps:
        if result.exists():
            continue
        print(f"{title} …", flush=True)
        begun = time.monotonic()
        if subprocess.run(command, env=environment).returncode:
            raise SystemExit(f"{title} failed")
        print(f"{title}: {time.monotonic() - begun:.0f} s", flush=True)


def is_finished(state: StateFolder) -> bool:
    """Tell whether the search has ended before."""
    resource = state.read_status()
    if resource is None:
        return False
    conditions = resource["status"]["conditions"]
    return any(c["type"] == "Finished" and c["status"] == "True" for c in conditions)


if __name__ == "__main__":
    sys.exit(main())
