"""`atlas.json`: what a build has found, with equal bytes however it was built."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from mixatlas.cli import cli
from mixatlas.corpus import build, check, pack, push
from mixatlas.corpus.atlas import Atlas, load_atlas
from mixatlas.corpus.files import LocalFiles
from mixatlas.corpus.tasks import Confusion
from raw_corpus import a_sample, png, write_raw, write_tokenizer
from raw_sources import a_chat

DOCUMENT = """\
sources:
  - {name: told, format: Llava, uri: told.json, columns: {concept: kind, task: task}}
  - {name: untold, format: Llava, uri: untold.json, columns: {concept: kind}}
parts: 2
concepts: {method: Column}
tokenizer: tokenizer
imageTokens: 4
seed: 3
holdOut: "0.1"
maxBroken: "0.2"
"""
SHORT = "what is it ?\nAnswer with a single word."
LONG = "Describe the image in detail."


def _sample(folder: Path, number: int, question: str, **changes: Any) -> dict[str, Any]:
    (folder / f"{number}.png").write_bytes(png((number, 7, 9)))
    turns = a_chat(f"<image>\n{question}", "square")
    sample = {"id": str(number), "image": f"{number}.png", "conversations": turns, "kind": "photo"}
    return sample | changes


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "data"
    root.mkdir()
    write_tokenizer(root / "tokenizer")
    told = [_sample(root, number, SHORT, task="vqa") for number in range(10)]
    told += [_sample(root, number, SHORT, task="ocr") for number in range(10, 14)]
    untold = [_sample(root, number, SHORT) for number in range(20, 40)]
    untold += [_sample(root, 40, SHORT, image="gone.png"), _sample(root, 41, SHORT, kind="")]
    (root / "told.json").write_text(json.dumps(told))
    (root / "untold.json").write_text(json.dumps(untold))
    (root / "corpus.yaml").write_text(DOCUMENT)
    return root


def _build(folder: Path, out: str = "out", **changes: Any) -> Path:
    found = build(
        folder / "corpus.yaml",
        folder.parent / out,
        open_files=lambda place: LocalFiles(Path(place)),
        **changes,
    )
    return found.pack.folder


def _atlas(out: Path) -> Atlas:
    found = load_atlas(out)
    assert found is not None
    return found


def test_it_tells_who_decided_and_what_the_rules_would_have_said(folder: Path) -> None:
    atlas = _atlas(_build(folder))
    decided = {(made.evidence, made.task): made.turns for made in atlas.decisions}
    assert decided == {("given", "vqa"): 10, ("given", "ocr"): 4, ("built-in", "vqa"): 20}
    compared = Confusion(counts=atlas.confusion)
    assert (compared.n, compared.recall("vqa"), compared.recall("ocr")) == (14, 1.0, 0.0)


def test_it_names_broken_samples_of_both_stages(folder: Path) -> None:
    atlas = _atlas(_build(folder))
    assert (atlas.used, atlas.broken) == (34, 2)
    told = sorted((sample.where, sample.reason) for sample in atlas.broken_samples)
    assert told[0][0] == "untold: untold.json[20]"
    assert "gone.png" in told[0][1]
    assert told[1][0] == "untold: untold.json[21]"
    assert told[1][1].startswith("concept: told by neither")


def test_it_says_what_the_corpus_was_built_by(folder: Path) -> None:
    first = _atlas(_build(folder)).document
    assert (first.method, first.model, first.k, first.seed) == ("Column", None, None, 3)
    assert [(source.name, source.format) for source in first.sources] == [
        ("told", "Llava"),
        ("untold", "Llava"),
    ]
    assert first.hold_out == "0.1"
    (folder / "corpus.yaml").write_text(DOCUMENT.replace("seed: 3", "seed: 4"))
    second = _atlas(_build(folder, "other")).document
    assert second.seed == 4
    assert second.digest != first.digest


def test_a_build_that_was_ended_gives_the_same_bytes(folder: Path) -> None:
    whole = _build(folder, "whole")

    def end(stage: str, done: int, of: int) -> None:
        if (stage, done) == ("label", 2):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _build(folder, on_progress=end)
    assert (_build(folder) / "atlas.json").read_bytes() == (whole / "atlas.json").read_bytes()


def test_it_is_pushed_and_harms_no_check(folder: Path) -> None:
    class Memory(dict[str, bytes]):
        def put(self, uri: str, data: bytes) -> None:
            self[uri] = data

        def list(self, prefix: str) -> list[str]:
            return [uri for uri in self if uri.startswith(prefix)]

    store, out = Memory(), _build(folder)
    report = push(out, "s3://corpora/demo", store)
    assert store["s3://corpora/demo/atlas.json"] == (out / "atlas.json").read_bytes()
    assert check(report.manifest, store).problems == ()
    assert check(str(out), None).problems == ()


def test_a_packed_corpus_has_none(tmp_path: Path) -> None:
    out = pack(**write_raw(tmp_path, [a_sample(tmp_path, 1)])).folder
    assert load_atlas(out) is None


def test_a_damaged_one_is_refused_by_name(folder: Path) -> None:
    out = _build(folder)
    (out / "atlas.json").write_text("{}")
    ended = CliRunner().invoke(cli, ["corpus", "report", str(out)])
    assert ended.exit_code != 0
    assert "atlas.json" in str(ended.exception)
    assert not out.with_name("out.html").exists()
