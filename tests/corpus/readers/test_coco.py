"""COCO captions and instances, as pycocotools reads them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pycocotools.coco import COCO

from mixatlas.contract.errors import CorpusInvalid
from mixatlas.contract.scoring import box_iou
from mixatlas.corpus.readers import coco_join
from mixatlas_trainer.metrics import BOX_PATTERN, read_box
from raw_sources import picture, read_all, read_part, reader_of, samples_of, told, write_json

WIDTH, HEIGHT = 80, 60
NAMES = ["3.png", "1.png", "2.png"]
IMAGES = [
    {"id": int(name[0]), "file_name": name, "width": WIDTH, "height": HEIGHT} for name in NAMES
]
CATEGORIES = [{"id": 7, "name": "traffic light"}, {"id": 90, "name": "cat"}]
BOXES = [(1, 7, [8, 6, 16, 12]), (3, 90, [0, 0, 80, 60]), (1, 90, [40.5, 30.25, 0.01, 4])]
ANNOTATIONS = [
    {"id": n, "image_id": image, "category_id": category, "bbox": box, "iscrowd": 0, "area": 1}
    for n, (image, category, box) in enumerate(BOXES)
]
CAPTIONS = [
    {"id": 10 * image + n, "image_id": image, "caption": f"caption {n} of {image}"}
    for n in range(2)
    for image in (1, 2, 3)
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "images").mkdir()
    for number, name in enumerate(NAMES):
        (tmp_path / "images" / name).write_bytes(picture(number, size=(WIDTH, HEIGHT)))
    return tmp_path


def read(folder: Path, format: str, content: Any, **columns: str) -> list[Any]:  # noqa: A002
    path = folder / "coco.json"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        write_json(path, content)
    return read_all(reader_of(format, path, columns, images=folder / "images"))


def captions(**changes: Any) -> dict[str, Any]:
    return {"info": {"a": [1]}, "images": IMAGES, "licenses": [], "annotations": CAPTIONS} | changes


def instances(**changes: Any) -> dict[str, Any]:
    return {
        "annotations": ANNOTATIONS,
        "images": IMAGES,
        "categories": CATEGORIES,
    } | changes


def test_captions_are_those_that_pycocotools_gives(folder: Path) -> None:
    found = read(folder, "CocoCaptions", captions())
    theirs = COCO(folder / "coco.json")
    expected = [
        (annotation["caption"], theirs.imgs[image]["file_name"])
        for image in sorted(theirs.imgs)
        for annotation in theirs.imgToAnns[image]
    ]
    assert [(one.turns[0].answer, one.images[0].name) for one in found] == expected
    assert found[0].where == "coco.json:annotations[0]"
    assert found[0].images[0].content == (folder / "images" / "1.png").read_bytes()


def test_annotations_may_come_before_images_and_in_runs(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = read(folder, "CocoCaptions", captions())
    monkeypatch.setattr(coco_join, "RUN_BYTES", 100)
    swapped = {"annotations": CAPTIONS, "images": IMAGES}
    assert read(folder, "CocoCaptions", swapped) == expected


def test_labels_are_looked_for_in_the_annotation_then_in_the_image(folder: Path) -> None:
    images = [image | {"kind": "photo", "set": "train"} for image in IMAGES]
    first = CAPTIONS[0] | {"kind": "chart"}
    content = captions(images=images, annotations=[first, *CAPTIONS[1:3]])
    found = read(folder, "CocoCaptions", content, concept="kind", origin="set")
    assert [one.concept for one in found] == ["chart", "photo", "photo"]
    assert {one.origin for one in found} == {"train"}
    with pytest.raises(CorpusInvalid, match=r"no column `topic`, which `columns\.task` names"):
        read(folder, "CocoCaptions", content, task="topic")


def test_all_boxes_of_an_image_are_one_answer_that_our_metric_reads(folder: Path) -> None:
    first, third = read(folder, "CocoInstances", instances())
    theirs = COCO(folder / "coco.json")
    assert first.turns[0].answer == "100 100 300 300 traffic light; 506 504 507 570 cat"
    assert third.turns[0].answer == "0 0 999 999 cat"
    assert [one.where for one in (first, third)] == ["coco.json:images[1]", "coco.json:images[0]"]
    answers = first.turns[0].answer.split("; ")
    for answer, annotation in zip(answers, theirs.imgToAnns[1], strict=True):
        box = read_box(answer, BOX_PATTERN)
        x, y, width, height = annotation["bbox"]
        true = (x / WIDTH, y / HEIGHT, (x + width) / WIDTH, (y + height) / HEIGHT)
        assert box is not None
        if width > 1:
            assert box_iou(box, [true]) > 0.97
        assert answer.endswith(theirs.cats[annotation["category_id"]]["name"])


def test_crowds_are_left_out(folder: Path) -> None:
    crowd = [ANNOTATIONS[1] | {"iscrowd": 1, "bbox": "none"}]
    (only,) = read(folder, "CocoInstances", instances(annotations=[ANNOTATIONS[0], *crowd]))
    assert only.where == "coco.json:images[1]"


def test_of_captions_that_break_off_those_before_are_used(folder: Path) -> None:
    content = json.dumps(captions()).encode()
    cut = content[: content.index(b"caption 1 of 1")]
    *samples, last = read(folder, "CocoCaptions", cut)
    assert [one.turns[0].answer for one in samples] == [f"caption 0 of {n}" for n in (1, 2, 3)]
    assert told([last]) == ["coco.json:annotations[3]: the file breaks off here"]


def test_that_a_file_breaks_off_is_told_by_one_part(folder: Path) -> None:
    content = json.dumps(captions()).encode()
    (folder / "coco.json").write_bytes(content[:-30])
    reader = reader_of("CocoCaptions", folder / "coco.json", images=folder / "images")
    lines = [line for part in range(5) for line in told(read_part(reader, part, 5))]
    assert sum("breaks off" in line for line in lines) == 1


def test_ids_may_be_text(folder: Path) -> None:
    images = [image | {"id": f"n\t{image['id']}"} for image in IMAGES]
    annotations = [{"image_id": "n\t2", "caption": "x"}]
    path = folder / "coco.json"
    write_json(path, {"images": images, "annotations": annotations})
    (only,) = samples_of(reader_of("CocoCaptions", path, images=folder / "images"))
    assert only.images[0].name == "2.png"
