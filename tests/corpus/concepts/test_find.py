"""`mixatlas corpus build` with a model: concepts are found, named, kept, and used again."""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from clip_checkpoint import COLOURS, picture_of
from mixatlas.cli import cli
from mixatlas.contract.errors import CorpusInvalid, SpecError
from mixatlas.contract.manifest import CorpusManifest
from mixatlas.corpus import BuildReport, build, check
from mixatlas.corpus.atlas import load_atlas
from mixatlas.corpus.concepts.concept_map import ConceptMap
from mixatlas.corpus.files import Files, LocalFiles
from mixatlas.corpus.overview import overview
from mixatlas.corpus.showcase import nearest_samples
from raw_corpus import write_lines, write_tokenizer
from raw_sources import a_chat

SOURCE = """\
sources: [{name: squares, format: Llava, uri: squares.json}]
parts: 2
tokenizer: tokenizer
imageTokens: 4
"""
CLUSTERS = f"concepts: {{method: Clusters, model: model, k: 4, vocabulary: {[*COLOURS]}}}\n"
PROMPTS = """\
concepts:
  method: Prompts
  model: model
  prompts: {warm: [a red square], cold: [a blue square, a green square], white: [a white square]}
"""
pytestmark = pytest.mark.slow


def _sample(folder: Path, colour: str, number: int, question: str = "what is it ?") -> Any:
    name = f"{colour}-{number}.png"
    (folder / name).write_bytes(picture_of(colour, number))
    turns = a_chat(f"<image>\n{question}\nAnswer with a single word.", "square")
    return {"id": name, "image": name, "conversations": turns}


@pytest.fixture
def folder(tmp_path: Path, checkpoint: Path) -> Path:
    root = tmp_path / "data"
    root.mkdir()
    write_tokenizer(root / "tokenizer")
    (root / "model").symlink_to(checkpoint)
    _write(root, [_sample(root, colour, n) for colour in COLOURS for n in range(9)])
    return root


def _write(folder: Path, samples: list[Any]) -> None:
    (folder / "squares.json").write_text(json.dumps(samples))


def _samples(folder: Path) -> list[Any]:
    found: list[Any] = json.loads((folder / "squares.json").read_text())
    return found


def _open(place: str) -> Files:
    return LocalFiles(Path(place))


def _build(folder: Path, concepts: str, out: str = "out", **changes: Any) -> BuildReport:
    (folder / "corpus.yaml").write_text(SOURCE + concepts)
    return build(folder / "corpus.yaml", folder.parent / out, open_files=_open, **changes)


def _cells(report: BuildReport) -> dict[str, int]:
    return {domain.name: domain.samples for domain in report.pack.manifest.domains}


def _concepts(report: BuildReport) -> ConceptMap:
    return ConceptMap.model_validate_json((report.pack.folder / "concepts.json").read_bytes())


def test_clusters_are_found_and_named_by_what_sets_them_apart(folder: Path) -> None:
    report = _build(folder, CLUSTERS)
    assert _cells(report) == {f"{colour}.vqa": 9 for colour in COLOURS}
    assert check(str(report.pack.folder), None).problems == ()
    best = max(_concepts(report).silhouettes, key=lambda found: found.silhouette)
    assert best.k == 4
    assert best.shares == (0.25,) * 4


def test_equal_inputs_give_equal_bytes(folder: Path) -> None:
    first, second = _build(folder, CLUSTERS), _build(folder, CLUSTERS, "other")
    assert first.pack.sha256 == second.pack.sha256
    embedding = first.pack.manifest.embedding
    assert embedding is not None
    assert embedding.model == "model"


def test_each_image_gets_its_nearest_prompt(folder: Path) -> None:
    assert _cells(_build(folder, PROMPTS)) == {"cold.vqa": 18, "warm.vqa": 9, "white.vqa": 9}


def test_images_that_no_prompt_describes_clearly_are_other(folder: Path) -> None:
    report = _build(folder, PROMPTS + '  margin: "1.9"\n')
    assert _cells(report) == {"other.vqa": 36}


def test_samples_without_an_image_are_text_and_of_several_the_first_decides(folder: Path) -> None:
    plain = {"id": "plain", "conversations": a_chat("what is a square ?", "a shape")}
    both = _sample(folder, "red", 0)
    both["image"] = ["blue-0.png", "red-0.png"]
    both["conversations"] = a_chat("<image>\n<image>\nwhat is it ?\nAnswer briefly.", "square")
    _write(folder, [*_samples(folder), plain, both])
    cells = _cells(_build(folder, CLUSTERS))
    assert sum(n for cell, n in cells.items() if cell.startswith("text.")) == 1
    assert sum(n for cell, n in cells.items() if cell.startswith("blue.")) == 10


def test_found_names_can_be_changed_and_made_one(folder: Path) -> None:
    concepts = CLUSTERS.replace("k: 4", "k: 4, names: {red: warm, white: plain, green: plain}")
    assert _cells(_build(folder, concepts)) == {"blue.vqa": 9, "plain.vqa": 18, "warm.vqa": 9}
    wrong = CLUSTERS.replace("k: 4", "k: 4, names: {yellow: warm}")
    with pytest.raises(SpecError, match="no concept 'yellow'") as error:
        _build(folder, wrong, "other")
    assert "blue, green, red, white" in str(error.value)


def test_new_data_gets_the_concepts_of_old(folder: Path) -> None:
    first = _build(folder, CLUSTERS)
    old = first.pack.folder / "concepts.json"
    _write(folder, [_sample(folder, "red", n) for n in range(20, 24)])
    second = _build(folder, CLUSTERS, "other", centroids=str(old))
    assert _cells(second) == {"red.vqa": 4}
    assert (second.pack.folder / "concepts.json").read_bytes() == old.read_bytes()
    definitions = {domain.name: domain.definition for domain in first.pack.manifest.domains}
    assert second.pack.manifest.domains[0].definition == definitions["red.vqa"]


def test_centroids_of_another_model_are_refused(folder: Path) -> None:
    report = _build(folder, CLUSTERS)
    other = _concepts(report).model_copy(update={"revision": "0" * 64})
    (folder / "old.json").write_bytes(other.to_bytes())
    with pytest.raises(SpecError, match="whose files differ"):
        _build(folder, CLUSTERS, "other", centroids=str(folder / "old.json"))
    (folder / "old.json").write_text("{}")
    with pytest.raises(SpecError, match="not a concept map"):
        _build(folder, CLUSTERS, "other", centroids=str(folder / "old.json"))


def test_a_small_cell_joins_the_nearest_concept_of_its_task(folder: Path) -> None:
    question = "Describe the image in detail."
    captions = [_sample(folder, "red", n, question) for n in range(30, 42)]
    captions += [_sample(folder, "blue", n, question) for n in range(30, 33)]
    for sample in captions:
        sample["conversations"] = a_chat(f"<image>\n{question}", "a square . it is a square")
    _write(folder, [*_samples(folder), *captions])
    report = _build(folder, CLUSTERS.replace("k: 4", "k: 4, minSamples: 5"))
    assert report.joined == {"blue.caption": "red"}
    assert _cells(report)["red.caption"] == 15
    assert "blue.caption" not in _cells(report)


def test_an_image_that_cannot_be_decoded_is_left_out_and_named(folder: Path) -> None:
    sample = _sample(folder, "red", 50)
    content = bytearray((folder / sample["image"]).read_bytes())
    _write(folder, [*_samples(folder), sample])
    (folder / sample["image"]).write_bytes(_with_broken_pixels(bytes(content)))
    with pytest.raises(CorpusInvalid, match=r"red-50\.png|cannot be decoded"):
        _build(folder, CLUSTERS)
    report = _build(folder, CLUSTERS + 'maxBroken: "0.1"\n')
    assert (report.tally.used, report.tally.broken) == (36, 1)


def _with_broken_pixels(png: bytes) -> bytes:
    """Return a PNG whose checksums are right and whose pixels are no zlib stream."""
    begin = png.index(b"IDAT") - 4
    size = int.from_bytes(png[begin : begin + 4], "big")
    data = b"\xff" * size
    checksum = zlib.crc32(b"IDAT" + data).to_bytes(4, "big")
    return png[: begin + 8] + data + checksum + png[begin + 12 + size :]


def test_only_new_parts_are_embedded(folder: Path) -> None:
    _build(folder, CLUSTERS)
    parts = folder.parent / "out.parts"
    before = {p.name: p.stat().st_mtime_ns for p in parts.glob("*.vectors")}
    (folder.parent / "out").rename(folder.parent / "old")
    embedded: list[int] = []

    def note(stage: str, done: int, of: int) -> None:
        if stage == "embed":
            embedded.append(done)

    _build(folder, CLUSTERS.replace("k: 4", "k: 3"), on_progress=note)
    assert not embedded
    assert {p.name: p.stat().st_mtime_ns for p in parts.glob("*.vectors")} == before


def test_images_that_resemble_a_benchmarks_are_left_out(folder: Path) -> None:
    items = []
    for number in range(200):
        name = f"item-{number}.png"
        (folder / name).write_bytes(picture_of("green", 100 + number))
        items.append({"benchmark": "Greens", "images": [name], "question": "what is it ?"})
    write_lines(folder / "items.jsonl", [item | {"answers": ["green"]} for item in items])
    cleaned = (
        CLUSTERS
        + """\
items: items.jsonl
benchmarks: [{name: Greens, metric: ExactMatch}]
contamination: {similarity: "0.9"}
"""
    )
    report = _build(folder, cleaned)
    assert _cells(report) == {f"{colour}.vqa": 9 for colour in COLOURS if colour != "green"}
    assert report.pack.overlaps == 9
    notes = (report.pack.folder / "left-out.jsonl").read_text()
    assert notes.count("an image like that of Greens at items.jsonl:") == 9


@pytest.mark.parametrize(
    ("concepts", "message"),
    [
        ("concepts: {method: Clusters, model: none}", "no such folder"),
        ("concepts: {method: Clusters, model: tokenizer}", "no config.json"),
        ("concepts: {method: Clusters, model: model, k: 40}", "40 clusters of 36"),
    ],
)
def test_what_cannot_be_found_is_refused(folder: Path, concepts: str, message: str) -> None:
    with pytest.raises((SpecError, CorpusInvalid)) as error:
        _build(folder, concepts + "\n")
    assert message in str(error.value)
    assert not (folder.parent / "out").exists()


@pytest.mark.parametrize("k", [2, 4])
def test_the_page_shows_the_nearest_images_of_each_concept(folder: Path, k: int) -> None:
    report = _build(folder, CLUSTERS.replace("k: 4", f"k: {k}"))
    corpus, concepts = report.pack.folder, _concepts(report)
    atlas = load_atlas(corpus)
    assert atlas is not None
    assert (atlas.document.method, atlas.document.k) == ("Clusters", k)
    names = {concept.name for concept in concepts.concepts}
    assert set(atlas.nearest) == names
    for concept, nearest in atlas.nearest.items():
        samples = nearest_samples(corpus, nearest)
        assert {sample.record.concept for sample in samples} == {concept}
        cosines = [near.cosine for near in nearest]
        assert cosines == sorted(cosines, reverse=True)
        assert len({near.image for near in nearest}) == len(nearest) >= min(16, 36 // k)
    page = overview(corpus)
    assert [row.k for row in page.clusters if row.is_chosen] == [k]
    assert sum(concept.sampled or 0 for concept in page.concepts) == 36
    assert all(concept.are_nearest for concept in page.concepts)
    assert any(f"k = {k}" in value for _, value in page.facts)


def test_an_image_of_a_joined_cell_is_near_to_no_concept(folder: Path) -> None:
    whites = [_sample(folder, "white", n) for n in range(3)]
    _write(folder, [*(s for s in _samples(folder) if "white" not in s["id"]), *whites])
    report = _build(folder, CLUSTERS.replace("k: 4", "k: 4, minSamples: 5"))
    atlas = load_atlas(report.pack.folder)
    assert atlas is not None
    assert [(cell.cell, cell.samples) for cell in atlas.joined] == [("white.vqa", 3)]
    assert "white" not in atlas.nearest
    joined = atlas.nearest[atlas.joined[0].concept]
    assert len(joined) == 9


def test_prompts_and_given_concepts_have_a_page(folder: Path) -> None:
    first = _build(folder, PROMPTS).pack.folder
    page = overview(first)
    assert page.clusters == ()
    assert [concept.prompts for concept in page.concepts] == [
        ("a blue square", "a green square"),
        ("a red square",),
        ("a white square",),
    ]
    assert {concept.sampled for concept in page.concepts} == {None}
    (folder / "old.json").write_bytes((first / "concepts.json").read_bytes())
    second = _build(folder, PROMPTS, "second", centroids=str(folder / "old.json")).pack.folder
    assert ("Concepts", "Prompts: those of another corpus (3)") in overview(second).facts


def test_the_command_uses_centroids(folder: Path) -> None:
    report = _build(folder, CLUSTERS)
    arguments = ["-f", str(folder / "corpus.yaml"), "--centroids"]
    arguments += [str(report.pack.folder / "concepts.json")]
    out = str(folder.parent / "other")
    ended = CliRunner().invoke(cli, ["corpus", "build", out, *arguments])
    assert ended.exit_code == 0, ended.output
    manifest = CorpusManifest.model_validate_json(Path(out, "manifest.json").read_bytes())
    assert manifest.embedding == report.pack.manifest.embedding
