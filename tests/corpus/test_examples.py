"""Every example of a corpus document is built, from sources that the formats' libraries wrote."""

from __future__ import annotations

import json
import shutil
import tarfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import webdataset
import yaml
from click.testing import CliRunner
from PIL import Image
from pycocotools.coco import COCO

from clip_checkpoint import COLOURS, MORE_COLOURS, picture_of, write_clip
from mixatlas.cli import cli
from raw_corpus import write_tokenizer
from raw_sources import Objects, a_chat, picture, write_json, write_pictures

EXAMPLES = Path(__file__).parents[2] / "examples" / "corpus"
SHORT = "How many bars are there?\nAnswer the question using a single word or phrase."
SIZE = (40, 20)
ALL_COLOURS = [*COLOURS, *MORE_COLOURS]
N_ALIKE = 52
"""Images of each colour: enough to be a cell of the examples, whose `minSamples` is 50."""
N_ITEMS = 200


def write_llava(data: Path) -> None:
    write_pictures(data / "images", "coco/1.jpg", "gqa/2.jpg")
    record = {"image": "coco/1.jpg", "conversations": a_chat(f"<image>\n{SHORT}", "two")}
    write_json(data / "llava.json", [record | {"category": "photo"}])
    a_table(data / "charts" / "train.parquet", [a_row("ChartQA") | {"kind": "Charts & Plots"}])


def write_cauldron(data: Path) -> None:
    a_table(data / "the_cauldron" / "chartqa" / "train-00000.parquet", [a_row("ChartQA")] * 2)
    page = a_row(None) | {"source": "docvqa"}
    a_table(data / "FineVision" / "docvqa" / "train-00000.parquet", [page])
    plant = {
        "photo": Image.new("RGB", SIZE),
        "prompt": "Which plant is it?",
        "response": "Moss",
        "meta": {"habitat": "Alpine & Arctic", "kind": "classification"},
    }
    features = datasets.Features(
        {
            "photo": datasets.Image(),
            "prompt": datasets.Value("string"),
            "response": datasets.Value("string"),
            "meta": {"habitat": datasets.Value("string"), "kind": datasets.Value("string")},
        }
    )
    table = datasets.Dataset.from_list([plant], features=features)
    table.to_parquet(data / "plants.parquet")


def a_row(source: str | None, image: bytes | None = None) -> dict[str, Any]:
    texts = [{"user": SHORT, "assistant": "2", "source": source}]
    return {"images": [{"bytes": image or picture(), "path": None}], "texts": texts}


def a_table(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), path)


def write_webdataset(data: Path) -> None:
    pair = {"jpg": picture(0, "JPEG"), "txt": "A red square.", "json": {"url": "http://x/1.jpg"}}
    write_tar(data / "cc12m" / "00000.tar", [pair, pair])
    record = {"conversations": a_chat("<image>\nRead the text.", "RED"), "meta": {"crawl": "c"}}
    record["meta"]["layout"] = "table"
    write_tar(data / "pages" / "00000.tar", [{"png": picture(), "json": record}])


def write_tar(path: Path, samples: Iterable[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True)
    with webdataset.TarWriter(str(path)) as tar:
        for number, sample in enumerate(samples):
            tar.write({"__key__": f"{number:09d}"} | sample)


def write_coco(data: Path) -> None:
    images = [
        {"id": n, "file_name": f"{n:012d}.jpg", "width": SIZE[0], "height": SIZE[1], "scene": scene}
        for n, scene in ((9, ""), (25, "street"))
    ]
    for image in images:
        path = data / "coco" / "train2017" / str(image["file_name"])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture(0, "JPEG", size=SIZE))
    captions = [{"id": n, "image_id": 9, "caption": f"A square {n}."} for n in range(3)]
    box = {"category_id": 1, "bbox": [0, 0, 10, 10], "iscrowd": 0, "area": 100}
    boxes = [{"id": n, "image_id": image["id"]} | box for n, image in enumerate(images)]
    annotations = data / "coco" / "annotations"
    write_json(
        annotations / "captions_train2017.json",
        {"info": {}, "images": images, "annotations": captions},
    )
    categories = [{"id": 1, "name": "square"}]
    path = annotations / "instances_train2017.json"
    write_json(path, {"images": images, "annotations": boxes, "categories": categories})
    assert len(COCO(path).getAnnIds(catIds=COCO(path).getCatIds(["square"]))) == 2


def write_grounding(data: Path) -> None:
    write_pictures(data / "coco" / "train2014", "1.jpg")
    reference = {"image": "1.jpg", "bbox": [0, 0, 4, 4], "sentences": [{"sent": "the red one"}]}
    write_json(data / "refcoco.jsonl", [reference])
    write_pictures(data / "screens" / "images", "ios/17.png", "macos/18.png")
    screens = [
        {"screenshot": name, "instruction": "the close button", "target": [0, 0, 2, 2]}
        | {"platform": platform}
        for name, platform in (("ios/17.png", "iOS"), ("macos/18.png", "macOS"))
    ]
    write_json(data / "screens" / "train.json", screens)


def write_folder(data: Path) -> None:
    folder = data / "products" / "shoes"
    write_pictures(folder, "1.jpg", "2.jpg")
    turns = [{"question": SHORT, "answer": "2"}, {"question": "Describe it.", "answer": "A boot."}]
    lines = [
        {"file_name": "1.jpg", "text": "A red shoe.", "kind": "Shoe"},
        {"file_name": "2.jpg", "turns": turns, "kind": "Boot"},
    ]
    write_json(folder / "metadata.jsonl", lines)


def write_huggingface(data: Path) -> None:
    image = Image.new("RGB", SIZE)
    kind = datasets.ClassLabel(names=["human", "machine"])
    features = datasets.Features(
        {
            "image": datasets.Image(),
            "query": datasets.Value("string"),
            "label": datasets.List(datasets.Value("string")),
            "human_or_machine": kind,
        }
    )
    row = {"image": image, "query": SHORT, "label": ["2"], "human_or_machine": 1}
    datasets.Dataset.from_list([row], features=features).save_to_disk(data / "chartqa")
    room = datasets.ClassLabel(names=["Living Room", "Bath Room"])
    text = datasets.Value("string")
    features = datasets.Features({"image": datasets.Image(), "text": text, "room": room})
    rows = [{"image": image, "text": "A room.", "room": number} for number in (0, 1, 1)]
    rooms = datasets.Dataset.from_list(rows, features=features)
    datasets.DatasetDict({"train": rooms, "test": rooms}).save_to_disk(data / "rooms")


def write_clusters(data: Path) -> None:
    """Write images of ten colours; the model calls them by words of the example's vocabulary."""
    words = _concepts_of("clusters")["vocabulary"]
    called = {colour: [word] for colour, word in zip(ALL_COLOURS, words, strict=True)}
    write_clip(data / "clip-vit-large-patch14", called)
    records = []
    for colour in ALL_COLOURS[:6]:
        for number in range(N_ALIKE):
            name = f"coco/{colour}-{number}.png"
            path = data / "images" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(picture_of(colour, number))
            records.append({"image": name, "conversations": a_chat(f"<image>\n{SHORT}", "two")})
    chat = a_chat("<image>\nDescribe the image.", "It is a square . There is no other .")
    person, animal = records[:3], records[N_ALIKE : N_ALIKE + 2]
    records += [record | {"conversations": chat} for record in person + animal]
    records.append({"conversations": a_chat("What is a bar ?", "a rectangle")})
    write_json(data / "llava_665k.json", records)
    for colour in ALL_COLOURS[6:10]:
        rows = [a_row("ChartQA", picture_of(colour, number)) for number in range(N_ALIKE)]
        a_table(data / "the_cauldron" / colour / "train-00000.parquet", rows)


def write_prompts(data: Path) -> None:
    """Write images of a colour a concept; the model calls them by all prompts of the concept."""
    called = dict(zip(ALL_COLOURS, _concepts_of("prompts")["prompts"].values(), strict=False))
    write_clip(data / "siglip", called)
    pictures = [picture_of(colour, number) for colour in called for number in range(N_ALIKE)]
    pairs = [{"png": content, "txt": "A picture of it."} for content in pictures]
    write_tar(data / "cc12m" / "00000.tar", pairs)
    # A benchmark that asks about the first concept's colour.
    items = []
    for number in range(N_ITEMS):
        path = data / "docvqa" / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(picture_of(ALL_COLOURS[0], N_ALIKE + number))
        item = {"benchmark": "DocVQA", "images": [f"docvqa/{number}.png"], "question": SHORT}
        items.append(item | {"answers": ["two"]})
    write_json(data / "items.jsonl", items)


def _concepts_of(example: str) -> dict[str, Any]:
    document = yaml.safe_load((EXAMPLES / f"{example}.yaml").read_text(encoding="utf-8"))
    found: dict[str, Any] = document["concepts"]
    return found


WRITERS: dict[str, tuple[Callable[[Path], None], list[str]]] = {
    "cauldron": (
        write_cauldron,
        ["alpine.classification herbarium", "chart.vqa ChartQA", "document.vqa docvqa"],
    ),
    "coco": (
        write_coco,
        [*["photo.caption coco"] * 3, "photo.detection coco", "street.detection coco"],
    ),
    "folder": (write_folder, ["footwear.caption shop", "footwear.vqa shop"]),
    "grounding": (
        write_grounding,
        ["desktop.grounding macos", "phone.grounding ios", "photo.grounding refcoco"],
    ),
    "huggingface": (
        write_huggingface,
        ["bath.caption ", "chart.vqa machine", "living.caption "],
    ),
    "llava": (write_llava, ["chart.vqa ChartQA", "photo.vqa coco"]),
    "webdataset": (write_webdataset, ["photo.caption cc12m", "table.ocr c"]),
}
"""By example: what writes its data, and domain and origin of each sample that is no duplicate."""


@pytest.mark.parametrize("name", WRITERS)
def test_an_example_is_built(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write, samples = WRITERS[name]
    assert sorted(_build(name, write, tmp_path, monkeypatch)) == samples


@pytest.mark.slow
def test_the_example_of_clusters_finds_what_is_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells = Counter(_build("clusters", write_clusters, tmp_path, monkeypatch))
    assert cells.pop("text.other ") == 1
    assert len({cell.split(".")[0] for cell in cells}) == 10
    by_task = sorted((*cell.split(".")[1].split(), n) for cell, n in cells.items())
    clusters = [*[("vqa", "ChartQA", N_ALIKE)] * 4, *[("vqa", "coco", N_ALIKE)] * 6]
    # Two and three captions of two concepts are fewer than a cell: they are one.
    assert by_task == [("caption", "coco", 5), *clusters]


@pytest.mark.slow
def test_the_example_of_prompts_gives_images_the_concept_whose_prompts_describe_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells = Counter(_build("prompts", write_prompts, tmp_path, monkeypatch))
    of_items, *concepts = _concepts_of("prompts")["prompts"]
    assert cells == {f"{concept}.caption cc12m": N_ALIKE for concept in concepts}
    kinds = [json.loads(line)["kind"] for line in _left_out(tmp_path / "out")]
    assert kinds == ["overlap"] * N_ALIKE, f"images alike are those of {of_items}"


def _build(
    name: str, write: Callable[[Path], None], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """Build an example from what a writer writes; yield domain and origin of each sample."""
    shutil.copy(EXAMPLES / f"{name}.yaml", folder / "corpus.yaml")
    write_tokenizer(folder / "tokenizer")
    write(folder / "data")
    # The example's store holds what lies in `data` here.
    objects = {
        f"s3://corpora/{path.relative_to(folder / 'data').as_posix()}": path.read_bytes()
        for path in folder.rglob("*.tar")
    }
    monkeypatch.setattr("mixatlas.cli.stores.S3Store", lambda _: Objects(objects))
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://localhost")
    out = folder / "out"
    command = ["corpus", "build", str(out), "-f", str(folder / "corpus.yaml")]
    ended = CliRunner().invoke(cli, command, catch_exceptions=False)
    assert ended.exit_code == 0, ended.output
    assert " 0 broken" in ended.stdout
    return _samples(out)


def _left_out(folder: Path) -> list[str]:
    return (folder / "left-out.jsonl").read_text(encoding="utf-8").splitlines()


def _samples(folder: Path) -> Iterator[str]:
    for path in folder.glob("shards/*/*.tar"):
        with tarfile.open(path) as tar:
            for member in tar:
                if member.name.endswith(".json"):
                    content = tar.extractfile(member)
                    assert content is not None
                    yield f"{path.parent.name} {json.load(content)['source']}"


def test_every_example_is_tried() -> None:
    tried = {*WRITERS, "clusters", "prompts"}
    assert {path.stem for path in EXAMPLES.glob("*.yaml")} == tried
