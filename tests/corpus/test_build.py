"""`mixatlas corpus build`: sources to domains, gone on with after an end, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from mixatlas.adapters.s3 import S3Store
from mixatlas.cli import cli
from mixatlas.contract.errors import CorpusInvalid
from mixatlas.corpus import BuildReport, build, check
from mixatlas.corpus.files import Files, LocalFiles
from raw_corpus import png, write_tokenizer

DOCUMENT = """\
sources:
  - name: first
    format: Llava
    uri: first.json
    columns: {concept: category}
  - name: second
    format: Llava
    uri: second.jsonl
    columns: {concept: category}
    origin: web
parts: 3
concepts: {method: Column, names: {Red Things: red}}
tokenizer: tokenizer
imageTokens: 4
"""


def _sample(
    folder: Path, number: int, category: str | None = "blue", **changes: Any
) -> dict[str, Any]:
    (folder / f"{number}.png").write_bytes(png((number, 7, 9)))
    turns = [
        {"from": "human", "value": "<image>\nwhat is it ?\nAnswer with a single word."},
        {"from": "gpt", "value": "square"},
    ]
    sample = {"id": str(number), "image": f"{number}.png", "conversations": turns}
    return sample | {"category": category} | changes


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "data"
    root.mkdir()
    write_tokenizer(root / "tokenizer")
    first = [_sample(root, n, "Red Things" if n % 2 else "blue") for n in range(20)]
    second = [_sample(root, n) for n in range(20, 30)]
    (root / "first.json").write_text(json.dumps(first))
    (root / "second.jsonl").write_text("\n".join(json.dumps(line) for line in second))
    (root / "corpus.yaml").write_text(DOCUMENT)
    return root


def _open(place: str) -> Files:
    return LocalFiles(Path(place))


def _build(folder: Path, out: str = "out", **changes: Any) -> BuildReport:
    return build(folder / "corpus.yaml", folder.parent / out, open_files=_open, **changes)


def _parts(folder: Path) -> dict[str, tuple[int, bytes]]:
    found = (folder.parent / "out.parts").iterdir()
    return {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in found}


def test_sources_become_domains(folder: Path) -> None:
    report = _build(folder)
    assert report.tally.used == 30
    assert {d.name: d.samples for d in report.pack.manifest.domains} == {
        "blue.vqa": 20,
        "red.vqa": 10,
    }
    store: S3Store | None = None
    assert check(str(report.pack.folder), store).problems == ()


def test_equal_inputs_give_equal_bytes_in_any_number_of_parts(folder: Path) -> None:
    first = _build(folder)
    (folder / "corpus.yaml").write_text(DOCUMENT.replace("parts: 3", "parts: 7"))
    assert _build(folder, "other").pack.sha256 == first.pack.sha256


def test_a_build_that_was_ended_goes_on_behind_the_last_part(folder: Path) -> None:
    whole = _build(folder, "whole")

    def end(stage: str, done: int, of: int) -> None:
        assert of == 6
        if (stage, done) == ("read", 4):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _build(folder, on_progress=end)
    assert not (folder.parent / "out").exists()
    before = _parts(folder)
    assert len(before) == 8  # four parts, each with its marker
    report = _build(folder)
    after = _parts(folder)
    assert {name: after[name] for name in before} == before
    assert report.pack.sha256 == whole.pack.sha256


def test_a_part_without_its_marker_is_read_again(folder: Path) -> None:
    whole = _build(folder, "whole")
    _build(folder)
    path = folder.parent / "out.parts" / "first-00001.tar"
    path.write_bytes(path.read_bytes()[:1000])
    path.with_name("first-00001.tar.json").unlink()
    (folder.parent / "out").rename(folder.parent / "old")
    assert _build(folder).pack.sha256 == whole.pack.sha256


def test_an_input_that_changes_touches_its_own_parts_only(folder: Path) -> None:
    _build(folder)
    before = _parts(folder)
    with (folder / "second.jsonl").open("a") as file:
        file.write("\n" + json.dumps(_sample(folder, 40)))
    (folder.parent / "out").rename(folder.parent / "old")
    report = _build(folder)
    after = _parts(folder)
    assert report.tally.used == 31
    assert all(after[name] == before[name] for name in before if name.startswith("first"))
    assert sum(after[name] != before[name] for name in before if name.endswith(".tar")) > 0


def test_a_source_without_labels_gives_its_samples_its_own(folder: Path) -> None:
    with (folder / "second.jsonl").open("a") as file:
        for number, category in ((40, None), (41, "green"), (42, "")):
            file.write("\n" + json.dumps(_sample(folder, number, category=category)))
    own = "    origin: web\n    concept: grey\n"
    (folder / "corpus.yaml").write_text(DOCUMENT.replace("    origin: web\n", own))
    domains = _build(folder).pack.manifest.domains
    assert {d.name: d.samples for d in domains} == {
        "blue.vqa": 20,
        "green.vqa": 1,
        "grey.vqa": 2,
        "red.vqa": 10,
    }


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"image": "gone.png"}, "gone.png"),
        (
            {"category": None},
            "concept: told by neither `columns.concept` nor the source's `concept`",
        ),
        ({"category": "text"}, "is for samples without an image"),
        ({"category": "Big Things"}, "concepts.names"),
    ],
)
def test_broken_samples_are_refused_unless_they_are_allowed(
    folder: Path, change: dict[str, Any], reason: str
) -> None:
    with (folder / "second.jsonl").open("a") as file:
        file.write("\n" + json.dumps(_sample(folder, 40) | change))
    with pytest.raises(CorpusInvalid, match="1 of 31 samples cannot be used") as error:
        _build(folder)
    assert reason in str(error.value)
    assert "second.jsonl" in str(error.value)
    assert not (folder.parent / "out").exists()
    (folder / "corpus.yaml").write_text(DOCUMENT + 'maxBroken: "0.05"\n')
    report = _build(folder)
    assert (report.tally.used, report.tally.broken) == (30, 1)


def test_the_command_tells_what_was_built(folder: Path) -> None:
    out = folder.parent / "out"
    ended = CliRunner().invoke(
        cli, ["corpus", "build", str(out), "-f", str(folder / "corpus.yaml")]
    )
    assert ended.exit_code == 0, ended.output
    assert "2 domains, 30 samples, 0 broken" in ended.stdout


def test_the_command_counts_what_the_manifest_holds(folder: Path) -> None:
    twice = (folder / "second.jsonl").read_text().splitlines()[0]
    with (folder / "second.jsonl").open("a") as file:
        file.write("\n" + twice)
    (folder / "corpus.yaml").write_text(DOCUMENT + 'holdOut: "0.2"\n')
    out = folder.parent / "out"
    command = ["corpus", "build", str(out), "-f", str(folder / "corpus.yaml")]
    ended = CliRunner().invoke(cli, command)
    manifest = json.loads((out / "manifest.json").read_bytes())
    n = sum(domain["samples"] for domain in manifest["domains"])
    held_out = json.loads((out / "held-out" / "manifest.json").read_bytes())
    n_held_out = sum(domain["samples"] for domain in held_out["domains"])
    assert 0 < n_held_out == 30 - n
    assert f"2 domains, {n} samples, 0 broken" in ended.stdout
    assert f"held-out/manifest.json: {n_held_out} samples" in ended.stderr
    assert "1 duplicates" in ended.stderr
