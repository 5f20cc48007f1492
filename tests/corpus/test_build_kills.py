"""SIGKILL at every stage of a build: what is done stays, and the bytes are as without."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from clip_checkpoint import COLOURS, picture_of, write_clip
from raw_corpus import write_tokenizer
from raw_sources import a_chat

pytestmark = pytest.mark.slow

DOCUMENT = """\
sources: [{name: squares, format: Llava, uri: squares.json}]
parts: 3
concepts: {method: Clusters, model: model, k: 4}
tokenizer: tokenizer
imageTokens: 4
holdOut: "0.1"
"""
BUILD = """\
import os, pathlib, signal, sys, threading
from mixatlas.corpus import build
from mixatlas.corpus.files import LocalFiles

document, out, stage, at = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), *sys.argv[3:]

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def watch():
    while not list(out.parent.glob(f".{out.name}.partial/**/*.tar*")):
        pass
    die()

if stage == "write":
    threading.Thread(target=watch, daemon=True).start()
build(
    document,
    out,
    open_files=lambda place: LocalFiles(pathlib.Path(place)),
    on_progress=lambda name, done, of: die() if (name, done) == (stage, int(at)) else None,
)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("kills") / "data"
    root.mkdir()
    write_tokenizer(root / "tokenizer")
    write_clip(root / "model")
    samples = []
    for number in range(60):
        for colour in COLOURS:
            name = f"{colour}-{number}.png"
            (root / name).write_bytes(picture_of(colour, number))
            turns = a_chat("<image>\nwhat is it ?\nAnswer with a single word.", "square")
            samples.append({"id": name, "image": name, "conversations": turns})
    (root / "squares.json").write_text(json.dumps(samples))
    (root / "corpus.yaml").write_text(DOCUMENT)
    return root


def run(folder: Path, out: str, stage: str = "none", at: int = 0) -> int:
    """Build in a process of its own, which kills itself at a point; return its exit code."""
    command = [sys.executable, "-c", BUILD, folder / "corpus.yaml", folder.parent / out, stage]
    return subprocess.run([*map(str, command), str(at)], check=False).returncode


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != "build.json")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def finished(parts: Path) -> dict[str, int]:
    """Return when each file that has its marker was written."""
    return {
        path.name: path.stat().st_mtime_ns
        for path in parts.iterdir()
        if path.with_name(f"{path.name}.json").exists()
    }


def test_a_build_that_is_killed_at_every_stage_ends_with_the_same_bytes(folder: Path) -> None:
    assert run(folder, "whole") == 0
    parts = folder.parent / "out.parts"
    kept: dict[str, int] = {}
    for stage, at in (("read", 2), ("embed", 80), ("label", 1), ("write", 0)):
        assert run(folder, "out", stage, at) == -signal.SIGKILL, stage
        assert not (folder.parent / "out").exists()
        now = finished(parts)
        assert {name: now[name] for name in kept} == kept, "finished parts are not written again"
        assert len(now) > len(kept) or stage == "write"
        kept = now
    assert run(folder, "out") == 0
    assert {name: finished(parts)[name] for name in kept} == kept
    assert contents(folder.parent / "out") == contents(folder.parent / "whole")
