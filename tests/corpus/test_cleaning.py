"""Duplicates, overlaps with benchmarks, and what is held out of a built corpus."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from mixatlas.contract.errors import SpecError
from mixatlas.contract.manifest import CorpusManifest
from mixatlas.corpus import BuildReport, build, check
from mixatlas.corpus.files import Files, LocalFiles
from raw_corpus import png, write_lines, write_tokenizer
from raw_sources import a_chat

DOCUMENT = """\
sources: [{name: squares, format: Llava, uri: squares.json, columns: {concept: kind}}]
parts: 2
concepts: {method: Column}
tokenizer: tokenizer
imageTokens: 4
"""
BENCHMARKS = """\
items: items.jsonl
benchmarks: [{name: Colours, metric: ExactMatch}]
"""


def _sample(folder: Path, number: int, answer: str = "square", kind: str = "photo") -> Any:
    (folder / f"{number}.png").write_bytes(png((number, 7, 9)))
    turns = a_chat("<image>\nwhat is it ?\nAnswer with a single word.", answer)
    return {"id": str(number), "image": f"{number}.png", "conversations": turns, "kind": kind}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "data"
    root.mkdir()
    write_tokenizer(root / "tokenizer")
    items = []
    for number in range(200):
        (root / f"item-{number}.png").write_bytes(png((number, 99, 9)))
        item = {
            "benchmark": "Colours",
            "images": [f"item-{number}.png"],
            "question": "what is it ?",
        }
        items.append(item | {"answers": ["red"]})
    write_lines(root / "items.jsonl", items)
    _write(root, [_sample(root, number) for number in range(40)])
    return root


def _write(folder: Path, samples: list[Any]) -> None:
    (folder / "squares.json").write_text(json.dumps(samples))


def _samples(folder: Path) -> list[Any]:
    found: list[Any] = json.loads((folder / "squares.json").read_text())
    return found


def _open(place: str) -> Files:
    return LocalFiles(Path(place))


def _build(folder: Path, changes: str = "", out: str = "out") -> BuildReport:
    (folder / "corpus.yaml").write_text(DOCUMENT + changes)
    report = build(folder / "corpus.yaml", folder.parent / out, open_files=_open)
    assert check(str(report.pack.folder), None).problems == ()
    return report


def _n_packed(report: BuildReport) -> int:
    return sum(domain.samples for domain in report.pack.manifest.domains)


def _left_out(report: BuildReport) -> list[dict[str, str]]:
    path = report.pack.folder / "left-out.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_of_equal_samples_one_is_kept_and_the_others_are_listed(folder: Path) -> None:
    again = [_sample(folder, 3), _sample(folder, 3), _sample(folder, 4)]
    other = [_sample(folder, 3, "red"), _sample(folder, 3, kind="chart")]
    _write(folder, [*_samples(folder), *again, *other])
    report = _build(folder)
    assert (_n_packed(report), report.pack.duplicates) == (42, 3)
    assert [note["why"].split(" of ")[0] for note in _left_out(report)] == ["a duplicate"] * 3
    assert all("squares.json" in note["where"] for note in _left_out(report))
    kept = _build(folder, "duplicates: Report\n", "kept")
    assert (_n_packed(kept), kept.pack.duplicates) == (45, 3)
    assert _left_out(kept) == _left_out(report)


def test_nothing_left_out_leaves_no_list(folder: Path) -> None:
    assert not (_build(folder).pack.folder / "left-out.jsonl").exists()


def test_images_of_benchmarks_are_left_out_and_listed(folder: Path) -> None:
    sample = _sample(folder, 50)
    (folder / "50.png").write_bytes(png((17, 99, 9)))  # the eighteenth item's
    _write(folder, [*_samples(folder), sample])
    report = _build(folder, BENCHMARKS)
    assert (_n_packed(report), report.pack.overlaps) == (40, 1)
    (note,) = _left_out(report)
    assert note["why"] == "the image of Colours at items.jsonl:18"
    kept = _build(folder, BENCHMARKS + "contamination: {method: Report}\n", "kept")
    assert (_n_packed(kept), kept.pack.overlaps) == (41, 1)


def test_look_alikes_need_a_model(folder: Path) -> None:
    with pytest.raises(SpecError, match=r"corpus\.yaml:8.*\n?.*needs a model"):
        _build(folder, BENCHMARKS + 'contamination: {similarity: "0.9"}\n')


def _held_out(report: BuildReport) -> CorpusManifest:
    path = report.pack.folder / "held-out" / "manifest.json"
    assert check(str(path.parent), None).problems == ()
    return CorpusManifest.model_validate_json(path.read_bytes())


def _images_of(folder: Path) -> set[bytes]:
    found = set()
    for path in folder.glob("shards/*/*.tar"):
        with tarfile.open(path) as tar:
            for member in tar:
                file = tar.extractfile(member)
                if file and member.name.endswith(".png"):
                    found.add(file.read())
    return found


def test_what_is_held_out_stays_so_when_data_is_added(folder: Path) -> None:
    first = _build(folder, 'holdOut: "0.3"\n')
    held_out = _images_of(first.pack.folder / "held-out")
    trained_on = _images_of(first.pack.folder)
    assert 5 < len(held_out) < 20
    assert len(held_out) + len(trained_on) == 40
    assert first.pack.held_out == sum(domain.samples for domain in _held_out(first).domains)
    # Another question about an image is on the image's side.
    more = [_sample(folder, number, "red") for number in range(60)]
    _write(folder, [*_samples(folder), *more])
    second = _build(folder, 'holdOut: "0.3"\n', "second")
    assert held_out <= _images_of(second.pack.folder / "held-out")
    assert trained_on <= _images_of(second.pack.folder)
    assert held_out.isdisjoint(_images_of(second.pack.folder))


def test_nothing_is_held_out_unless_it_is_asked_for(folder: Path) -> None:
    assert not (_build(folder).pack.folder / "held-out").exists()
