"""Packing: the folder as a user and a loader see it."""

from __future__ import annotations

import hashlib
import json
import tarfile
from pathlib import Path

import pytest
import webdataset

from mixatlas.contract.errors import CorpusInvalid, SpecError
from mixatlas.contract.manifest import CorpusManifest
from mixatlas.corpus import pack
from raw_corpus import CONFIG, a_sample, an_item, write_raw

BENCHMARK = CONFIG + "benchmarks: [{name: colours, metric: ExactMatch}]\n"


def tree(folder: Path) -> dict[str, bytes]:
    """Return all files but `build.json`, which is allowed to differ."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "build.json"
    }


def two_domains(folder: Path) -> list[dict[str, object]]:
    return [
        a_sample(folder, number, task="caption" if number % 3 else "vqa") for number in range(12)
    ]


def test_equal_input_gives_equal_bytes_whatever_the_order_of_lines(tmp_path: Path) -> None:
    items = [an_item(tmp_path / "a", number) for number in range(90)]
    lines = two_domains(tmp_path / "a")
    arguments = write_raw(tmp_path / "a", lines, items=items, config=BENCHMARK)
    first = pack(**arguments)
    again = pack(**{**arguments, "out": tmp_path / "a" / "again"})
    shuffled = write_raw(tmp_path / "a", lines[::-1], items=items[::-1], config=BENCHMARK)
    other_order = pack(**{**shuffled, "out": tmp_path / "a" / "other"})
    assert tree(first.folder) == tree(again.folder) == tree(other_order.folder)
    assert first.sha256 == hashlib.sha256(tree(first.folder)["manifest.json"]).hexdigest()


def test_seed_changes_the_order_and_nothing_else(tmp_path: Path) -> None:
    lines = two_domains(tmp_path)
    arguments = write_raw(tmp_path, lines)
    first = pack(**arguments).manifest.domains[0]
    arguments = write_raw(tmp_path, lines, config=CONFIG + "seed: 5\n")
    second = pack(**{**arguments, "out": tmp_path / "second"}).manifest.domains[0]
    assert (first.samples, first.tokens) == (second.samples, second.tokens)
    assert first.definition == second.definition
    assert first.content != second.content


def test_counts_tokens_of_every_turn_and_image(tmp_path: Path) -> None:
    turns = [
        {"question": "what is it ?", "answer": "a square"},
        {"question": "red ?", "answer": "blue"},
    ]
    line = a_sample(tmp_path)
    line = {key: value for key, value in line.items() if key not in ("question", "answer")}
    line |= {"turns": turns, "images": ["0.png", "0.png"]}
    domain = pack(**write_raw(tmp_path, [line])).manifest.domains[0]
    assert domain.tokens == (4 + 2) + (2 + 1) + 2 * 4
    assert domain.supervised_tokens == 2 + 1


def test_text_samples_have_no_image_tokens(tmp_path: Path) -> None:
    line = a_sample(tmp_path, images=[], concept="text", task="other")
    domain = pack(**write_raw(tmp_path, [line])).manifest.domains[0]
    assert (domain.name, domain.tokens) == ("text.other", 7)


def test_manifest_tells_domains_tokenizer_and_benchmarks(tmp_path: Path) -> None:
    items = [an_item(tmp_path, number) for number in range(90)]
    report = pack(**write_raw(tmp_path, two_domains(tmp_path), items=items, config=BENCHMARK))
    out = report.folder
    manifest = CorpusManifest.model_validate_json((out / "manifest.json").read_bytes())
    assert manifest == report.manifest
    assert [(d.name, d.samples) for d in manifest.domains] == [
        ("photo.caption", 8),
        ("photo.vqa", 4),
    ]
    assert manifest.image_tokens == 4
    names = sorted(path.name for path in (out / "tokenizer").iterdir())
    assert names == ["tokenizer.json", "tokenizer_config.json"]
    assert [entry.manifest for entry in manifest.benchmarks] == ["benchmarks/colours/manifest.json"]
    assert set(json.loads((out / "build.json").read_bytes())) == {
        "builtAt",
        "host",
        "python",
        "seconds",
    }
    assert not (out / "scratch").exists()


def test_webdataset_reads_the_shards_back(tmp_path: Path) -> None:
    lines = two_domains(tmp_path)
    report = pack(**write_raw(tmp_path, lines))
    domain = report.manifest.domains[0]
    shard = report.folder / domain.shards[0].url
    samples = list(webdataset.WebDataset(str(shard), shardshuffle=False))
    assert len(samples) == 8
    records = [json.loads(sample["json"]) for sample in samples]
    assert records[0]["turns"] == [{"question": "what is it ?", "answer": "a red square"}]
    assert records[0]["images"] == ["0.png"]
    assert sum(record["tokens"] for record in records) == domain.tokens
    pictures = {sample["0.png"] for sample in samples}
    expected = {
        (tmp_path / str(line["images"][0])).read_bytes()  # type: ignore[index]
        for line in lines
        if line["task"] == "caption"
    }
    assert pictures == expected


def test_tar_headers_name_no_owner_and_no_time(tmp_path: Path) -> None:
    report = pack(**write_raw(tmp_path, two_domains(tmp_path)))
    with tarfile.open(report.folder / report.manifest.domains[0].shards[0].url) as tar:
        facts = {(m.mtime, m.uid, m.gid, m.uname, m.gname, m.mode) for m in tar}
    assert facts == {(0, 0, 0, "", "", 0o644)}


def test_shards_keep_to_their_size_and_add_up(tmp_path: Path) -> None:
    lines = [a_sample(tmp_path, number) for number in range(60)]
    report = pack(**write_raw(tmp_path, lines, config=CONFIG + "shardBytes: 20480\n"))
    domain = report.manifest.domains[0]
    assert len(domain.shards) > 2
    assert all(shard.bytes <= 20480 for shard in domain.shards)
    assert sum(shard.samples for shard in domain.shards) == 60
    assert sum(shard.tokens for shard in domain.shards) == domain.tokens


def test_sample_larger_than_a_shard_is_refused(tmp_path: Path) -> None:
    line = a_sample(tmp_path, answer="red " * 6000)
    arguments = write_raw(tmp_path, [line], config=CONFIG + "shardBytes: 20480\n")
    with pytest.raises(CorpusInvalid, match=r"samples.jsonl:1: .* do not fit into a shard"):
        pack(**arguments)


def test_refused_line_leaves_nothing_behind(tmp_path: Path) -> None:
    lines = [*two_domains(tmp_path), "{"]
    arguments = write_raw(tmp_path, lines)
    before = {path.name for path in tmp_path.iterdir()}
    with pytest.raises(CorpusInvalid, match=r"samples\.jsonl:13: not JSON"):
        pack(**arguments)
    assert {path.name for path in tmp_path.iterdir()} == before


def test_leftovers_of_a_killed_pack_are_cleared(tmp_path: Path) -> None:
    arguments = write_raw(tmp_path, two_domains(tmp_path))
    (tmp_path / ".out.partial").mkdir()
    (tmp_path / ".out.partial" / "half.tar").write_bytes(b"half")
    assert "half.tar" not in tree(pack(**arguments).folder)
    assert not (tmp_path / ".out.partial").exists()


def test_existing_folder_is_left_alone(tmp_path: Path) -> None:
    arguments = write_raw(tmp_path, two_domains(tmp_path))
    (tmp_path / "out").mkdir()
    with pytest.raises(SpecError, match="exists already"):
        pack(**arguments)
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    ("with_items", "with_benchmarks", "message"),
    [
        (True, False, "benchmark items are given without `benchmarks` in the configuration"),
        (False, True, "the configuration has benchmarks, and no items are given"),
    ],
)
def test_items_and_benchmarks_come_together(
    tmp_path: Path, with_items: bool, with_benchmarks: bool, message: str
) -> None:
    arguments = write_raw(
        tmp_path,
        two_domains(tmp_path),
        items=[an_item(tmp_path, 0)] if with_items else None,
        config=BENCHMARK if with_benchmarks else CONFIG,
    )
    with pytest.raises(SpecError) as error:
        pack(**arguments)
    assert error.value.message == message
