"""`mixatlas corpus report`: the page of real folders, built and packed."""

from __future__ import annotations

import base64
import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from mixatlas.cli import cli
from mixatlas.corpus import pack
from mixatlas.corpus.overview import overview
from mixatlas.corpus.thumbnails import SIDE
from raw_corpus import a_sample, png, write_raw, write_tokenizer
from raw_sources import a_chat

DOCUMENT = """\
sources: [{name: squares, format: Llava, uri: squares.json, columns: {concept: kind}}]
concepts: {method: Column}
tokenizer: tokenizer
imageTokens: 4
holdOut: "0.2"
maxBroken: "0.2"
"""
EVIL = "<script>alert(1)</script>"


def _run(*arguments: str | Path) -> str:
    ended = CliRunner().invoke(cli, ["corpus", *map(str, arguments)])
    assert ended.exit_code == 0, ended.output
    return ended.stdout


def _thumbnails(page: str) -> list[Image.Image]:
    found = re.findall(r'src="data:image/webp;base64,([^"]+)"', page)
    return [Image.open(io.BytesIO(base64.b64decode(one))) for one in found]


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """A corpus of 40 photos, one of them twice, one broken sample, nine texts."""
    root = tmp_path / "data"
    root.mkdir()
    write_tokenizer(root / "tokenizer")
    samples: list[dict[str, Any]] = []
    for number in [*range(40), 3]:
        (root / f"{number}.png").write_bytes(png((6 * number, 7, 9), side=200))
        turns = a_chat("<image>\nwhat is it ?\nAnswer with a single word.", f"square {EVIL}")
        samples.append({"id": str(number), "image": f"{number}.png", "conversations": turns})
        samples[-1]["kind"] = "photo"
    samples.append(samples[0] | {"image": f"{EVIL}.png"})
    for number in range(9):
        words = a_chat(f"what is {number} ?", "only words")
        samples.append({"id": f"text-{number}", "conversations": words, "kind": "photo"})
    (root / "squares.json").write_text(json.dumps(samples))
    (root / "corpus.yaml").write_text(DOCUMENT)
    out = tmp_path / "out"
    _run("build", out, "-f", root / "corpus.yaml")
    return out


def test_a_built_corpus_has_a_page_beside_it(built: Path) -> None:
    before = sorted(built.rglob("*"))
    assert f"{built}.html" in _run("report", built)
    page = built.with_name("out.html").read_text()
    assert len(_thumbnails(page)) == 16 + 3
    assert {image.size for image in _thumbnails(page)} == {(SIDE, SIDE)}
    assert "shown: 16 images, chosen by hash" in page
    assert "cannot be used: 1 of 51" in page
    assert "their domain: 1, left out" in page
    assert "<p>only words</p>" in page
    assert "squares (Llava)" in page
    assert EVIL not in page
    assert sorted(built.rglob("*")) == before


def test_the_page_goes_where_it_is_wanted_and_is_the_same(built: Path, tmp_path: Path) -> None:
    for name in ("a.html", "b.html"):
        _run("report", built, "--output", tmp_path / name)
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()
    assert not built.with_name("out.html").exists()


def test_what_is_held_out_has_a_page_too(built: Path) -> None:
    n = overview(built).held_out
    assert 0 < n < 25
    assert overview(built / "held-out").samples == n


def _packed(folder: Path, concepts: int, image: bytes | None = None, n: int = 16) -> Path:
    lines = []
    for number in range(concepts * n):
        name = f"concept-{number % concepts}"
        lines.append(
            a_sample(folder, number, concept=name, task="vqa" if number % 3 else "caption")
        )
        if image is not None:
            (folder / f"{number}.png").write_bytes(image)
    return pack(**write_raw(folder, lines)).folder


def test_a_packed_corpus_shows_distinct_images_of_each_concept(tmp_path: Path) -> None:
    view = overview(_packed(tmp_path, 2, n=40))
    assert view.build is None
    for concept in view.concepts:
        assert len({picture.src for picture in concept.pictures}) > 8  # colours look alike
        assert len(concept.pictures) == 16
        assert not concept.are_nearest
        assert concept.captions == ("a red square",)
    assert [len(cell.examples) for cell in view.cells] == [3] * 4
    assert sum(cell.share for cell in view.cells) == pytest.approx(1)
    assert "Packed corpus" in _page(tmp_path / "out")


def test_an_image_of_many_samples_is_shown_once(tmp_path: Path) -> None:
    view = overview(_packed(tmp_path, 1, png((200, 9, 9)), n=20))
    assert len(view.concepts[0].pictures) == 1


def _page(folder: Path) -> str:
    _run("report", folder)
    return folder.with_name(f"{folder.name}.html").read_text()


def test_ten_concepts_of_photos_take_less_than_three_megabytes(tmp_path: Path) -> None:
    draw, lines = np.random.default_rng(0), []
    for number in range(160):
        lines.append(a_sample(tmp_path, number, concept=f"concept-{number % 10}"))
        noise = draw.integers(0, 256, (120, 160, 3)).astype(np.uint8)  # nothing is larger
        Image.fromarray(noise).save(tmp_path / f"{number}.png", "JPEG")
    out = pack(**write_raw(tmp_path, lines)).folder
    page = _page(out)
    assert len(_thumbnails(page)) == 160 + 30
    assert len(page) < 3_000_000


def test_an_image_that_cannot_be_decoded_is_no_reason_to_stop(tmp_path: Path) -> None:
    file = io.BytesIO()
    Image.effect_noise((64, 64), 50).save(file, "JPEG")
    page = _page(_packed(tmp_path, 1, file.getvalue()[:-500], n=3))
    assert "cannot be decoded" in page
    assert not _thumbnails(page)


def test_a_shard_that_is_gone_is_named(built: Path) -> None:
    shard = next((built / "shards" / "photo.vqa").glob("*.tar"))
    shard.unlink()
    ended = CliRunner().invoke(cli, ["corpus", "report", str(built)])
    assert ended.exit_code != 0
    assert shard.name in str(ended.exception)
    assert "corpus check" in str(ended.exception)


def test_a_folder_that_is_no_corpus_is_refused(tmp_path: Path) -> None:
    ended = CliRunner().invoke(cli, ["corpus", "report", str(tmp_path)])
    assert ended.exit_code != 0
    assert "has no manifest.json" in str(ended.exception)
