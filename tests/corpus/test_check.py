"""`corpus check` finds whatever was changed after packing."""

from __future__ import annotations

import io
import json
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from mixatlas.contract.canonical import canonical_json, sha256_hex
from mixatlas.contract.errors import CorpusInvalid
from mixatlas.corpus import check, pack
from raw_corpus import CONFIG, a_sample, an_item, png, write_raw

BENCHMARK = CONFIG + "benchmarks: [{name: colours, metric: TokenNll}]\n"


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tmp_path = tmp_path_factory.mktemp("packed")
    lines = [a_sample(tmp_path, n, task="vqa" if n % 2 else "caption") for n in range(8)]
    items = [an_item(tmp_path, number) for number in range(90)]
    return pack(**write_raw(tmp_path, lines, items=items, config=BENCHMARK)).folder


@pytest.fixture
def corpus(packed: Path, tmp_path: Path) -> Path:
    """Return a copy that a test may damage."""
    return shutil.copytree(packed, tmp_path / "corpus")


def shard_of(corpus: Path) -> Path:
    return next((corpus / "shards" / "photo.vqa").glob("*.tar"))


def reseal(corpus: Path, edit: Callable[[tarfile.TarInfo, bytes], tuple[str, bytes]]) -> None:
    """Change a shard's members and write its new checksum into the manifest."""
    path = shard_of(corpus)
    file = io.BytesIO()
    with tarfile.open(path) as old, tarfile.open(fileobj=file, mode="w") as new:
        for info in old:
            member = old.extractfile(info)
            assert member is not None
            info.name, content = edit(info, member.read())
            info.size = len(content)
            new.addfile(info, io.BytesIO(content) if info.isfile() else None)
    path.write_bytes(file.getvalue())
    manifest = json.loads((corpus / "manifest.json").read_bytes())
    for domain in manifest["domains"]:
        for shard in domain["shards"]:
            if shard["url"].endswith(path.name):
                shard |= {"sha256": sha256_hex(path.read_bytes()), "bytes": path.stat().st_size}
    (corpus / "manifest.json").write_bytes(canonical_json(manifest))


def test_good_corpus_has_tables_and_no_problem(corpus: Path) -> None:
    report = check(str(corpus))
    assert report.problems == ()
    assert [(row.name, row.samples, row.tokens, row.share) for row in report.domains] == [
        ("photo.caption", 4, 44, 0.5),
        ("photo.vqa", 4, 44, 0.5),
    ]
    (row,) = report.benchmarks
    assert row.search + row.confirm == 90
    assert row.chance > 0
    assert report.sha256 == sha256_hex((corpus / "manifest.json").read_bytes())


def test_missing_manifest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusInvalid, match="no such manifest"):
        check(str(tmp_path))


def change_byte(corpus: Path) -> None:
    content = bytearray(shard_of(corpus).read_bytes())
    content[700] ^= 1
    shard_of(corpus).write_bytes(content)


def remove_shard(corpus: Path) -> None:
    shard_of(corpus).unlink()


def count_wrong(corpus: Path) -> None:
    manifest = json.loads((corpus / "manifest.json").read_bytes())
    manifest["domains"][1]["samples"] = 5
    (corpus / "manifest.json").write_bytes(canonical_json(manifest))


def leave_folder(corpus: Path) -> None:
    manifest = json.loads((corpus / "manifest.json").read_bytes())
    manifest["domains"][1]["shards"][0]["url"] = "../secret.tar"
    (corpus / "manifest.json").write_bytes(canonical_json(manifest))


def edit_tokenizer(corpus: Path) -> None:
    (corpus / "tokenizer" / "tokenizer_config.json").write_text("{}")


def edit_benchmark(corpus: Path) -> None:
    path = corpus / "benchmarks" / "colours" / "manifest.json"
    path.write_bytes(path.read_bytes().replace(b"TokenNll", b"Anls"))


def unsafe_name(corpus: Path) -> None:
    reseal(corpus, lambda info, content: (f"../{info.name}", content))


def wrong_tokens(corpus: Path) -> None:
    reseal(corpus, lambda info, content: (info.name, content.replace(b"red", b"red red")))


def other_domain(corpus: Path) -> None:
    reseal(corpus, lambda info, content: (info.name, content.replace(b'"vqa"', b'"ocr"')))


def broken_image(corpus: Path) -> None:
    def edit(info: tarfile.TarInfo, content: bytes) -> tuple[str, bytes]:
        return info.name, png((0, 0, 0))[:-20] if info.name.endswith("png") else content

    reseal(corpus, edit)


def unnamed_image(corpus: Path) -> None:
    reseal(corpus, lambda info, content: (info.name.replace("0.png", "1.png"), content))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (change_byte, "its SHA-256 is not the manifest's"),
        (remove_shard, ": missing"),
        (count_wrong, "photo.vqa: samples: 4, but the manifest says 5"),
        (leave_folder, "must be relative to its manifest, or s3://"),
        (edit_tokenizer, "tokenizer: its files are not those of the manifest"),
        (edit_benchmark, "benchmarks/colours/manifest.json: its SHA-256 is not the manifest's"),
        (unsafe_name, "is not a plain name"),
        (wrong_tokens, "tokens of a sample: 12, but the manifest says 11"),
        (other_domain, "a sample of photo.ocr in photo.vqa"),
        (broken_image, ".0.png: broken: "),
        (unnamed_image, "images ['1.png'], but the record names ['0.png']"),
    ],
)
def test_damage_is_found(corpus: Path, damage: Callable[[Path], None], message: str) -> None:
    damage(corpus)
    problems = check(str(corpus)).problems
    assert any(message in problem for problem in problems), problems


def test_link_in_a_shard_is_found(corpus: Path) -> None:
    def edit(info: tarfile.TarInfo, content: bytes) -> tuple[str, bytes]:
        if info.name.endswith("png"):
            info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
            return info.name, b""
        return info.name, content

    reseal(corpus, edit)
    assert any("is not a plain file" in problem for problem in check(str(corpus)).problems)
