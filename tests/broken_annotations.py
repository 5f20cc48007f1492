"""COCO, grounding and folders with something wrong in them; see `broken_sources`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from broken_sources import HEIGHT, ONE, PNG, WIDTH, Broken, raw
from raw_sources import write_json

IMAGES = [{"id": n, "file_name": "good.png", "width": WIDTH, "height": HEIGHT} for n in (1, 2)]
GOOD = {"image_id": 1, "caption": "good"}


def captions(line: str, *annotations: Any, images: list[dict[str, Any]] | None = None) -> Broken:
    """Return captions of which the first is good; one more thing is broken."""
    content = {"images": images or IMAGES, "annotations": [GOOD, *annotations]}
    write = raw("a.json", json.dumps(content).encode())
    return Broken(format="CocoCaptions", write=write, message=f"{ONE}a.json:{line}")


def no_coco(content: Any, reason: str) -> Broken:
    """Return a file that is no COCO."""
    write = raw("a.json", json.dumps(content).encode())
    return Broken(format="CocoCaptions", write=write, message=f"a.json: {reason}")


def objects(reason: str, *, images: list[dict[str, Any]] | None = None, **changes: Any) -> Broken:
    """Return the objects of two images, of which that of the second is broken."""
    good = {"image_id": 1, "category_id": 1, "bbox": [0, 0, 9, 9]}
    content = {
        "images": images or IMAGES,
        "annotations": [good, good | {"image_id": 2} | changes],
        "categories": [{"id": 1, "name": "cat"}],
    }
    write = raw("a.json", json.dumps(content).encode())
    return Broken(format="CocoInstances", write=write, message=f"{ONE}a.json:images[1]: {reason}")


def box(reason: str, *numbers: Any) -> Broken:
    """Return objects of which the second has this box."""
    return objects(f"annotations[1]: bbox{reason}", bbox=list(numbers))


def reference(reason: str, **changes: Any) -> Broken:
    """Return two expressions, of which the first is broken."""
    good = {
        "image": "good.png",
        "expression": "the cat",
        "bbox": [0, 0, 9, 9],
        "width": WIDTH,
        "height": HEIGHT,
    }
    write = raw("a.json", json.dumps([good | changes, good]).encode())
    return Broken(format="Grounding", write=write, message=f"{ONE}a.json[0]: {reason}")


def in_folder(reason: str, **changes: Any) -> Broken:
    """Return lines in a folder below, of which the first is broken."""

    def write(folder: Path) -> None:
        good = {"file_name": "1.png", "text": "good"}
        write_json(folder / "train" / "metadata.jsonl", [good | changes, good])
        (folder / "train" / "1.png").write_bytes(PNG)

    place = "train/metadata.jsonl:1"
    return Broken(format="Folder", write=write, message=f"{ONE}{place}: {reason}")


SECOND = IMAGES[1]
ID = "image_id: must be a whole number or text"
COCO = {
    "a caption of no image": captions(
        "annotations[1]: image_id 3 is not among the images", {"image_id": 3, "caption": "x"}
    ),
    "two images of one id": captions(
        "images[2]: its id is that of a.json:images[1] too", images=[*IMAGES, SECOND]
    ),
    "a caption without an id": captions(f"annotations[1]: {ID}, not nothing", {"caption": "x"}),
    "an id that is no whole number": captions(
        f"annotations[1]: {ID}, not a number", {"image_id": 1.5, "caption": "x"}
    ),
    "an image without a name": captions(
        "annotations[1]: file_name: must name one image",
        {"image_id": 2, "caption": "x"},
        images=[IMAGES[0], {"id": 2}],
    ),
    "a missing image of COCO": captions(
        "annotations[1]: image missing.png: no such file",
        {"image_id": 2, "caption": "x"},
        images=[IMAGES[0], SECOND | {"file_name": "missing.png"}],
    ),
    "a blank caption": captions(
        "annotations[1]: caption: is empty", {"image_id": 1, "caption": " \n"}
    ),
    "a number for an annotation": captions("annotations[1]: not a JSON object", 5),
    "no images": no_coco({"images": []}, "has no `images`"),
    "no annotations": no_coco({"images": IMAGES}, "has no `annotations`"),
    "an object for the images": no_coco(
        {"annotations": [GOOD], "images": {}}, '"images" is not an array'
    ),
    "the images twice": Broken(
        format="CocoCaptions",
        write=raw("a.json", b'{"images": [], "images": []}'),
        message='a.json: the key "images" occurs twice',
    ),
    "a list for COCO": no_coco([], "is not a JSON object"),
    "a box out of the image": box(": [0, 0, 82, 60] leaves the image of 80 x 60", 0, 0, 82, 60),
    "a box to the left of it": box(": [-3, 0, 10, 10] leaves the image", -3, 0, 10, 10),
    "a box of two corners": box(": [60, 0, 80, 60] leaves the image", 60, 0, 80, 60),
    "a box without width": box(": [5, 5, 0, 10] has no area", 5, 5, 0, 10),
    "a box of negative height": box(": [5, 5, 10, -1] has no area", 5, 5, 10, -1),
    "a box of three numbers": box(": has 3 numbers", 5, 5, 10),
    "a text in a box": box(".3: must be a number, not text", 5, 5, 10, "4"),
    "true in a box": box(".3: must be a number, not true or false", 5, 5, 10, True),
    "a box without end": box(".3: must be a finite number of pixels", 5, 5, 10, 10**30),
    "no box": objects("annotations[1]: bbox: must be a list of four numbers", bbox=None),
    "an unknown category": objects(
        "annotations[1]: category_id 8 is not among the categories", category_id=8
    ),
    "a list for a category": objects("annotations[1]: category_id [8] is not", category_id=[8]),
    "boxes of another size": objects(
        "image good.png: 80 x 60, but its annotation says 60 x 80",
        images=[IMAGES[0], SECOND | {"width": 60, "height": 80}],
    ),
    "objects that break off": Broken(
        format="CocoInstances",
        write=raw("a.json", json.dumps({"images": IMAGES, "annotations": [GOOD]})[:-9].encode()),
        message="1 of 1 samples cannot be used, and maxBroken is 0:\ndata: a.json:annotations[0]: "
        "the file breaks off here: any image may lack annotations, so that none is used",
    ),
}
GROUNDING = {
    "no expression": reference("expression.0: must be text, not nothing", expression=None),
    "an empty expression": reference("expression.0: is empty", expression=" "),
    "no expressions": reference("expression: is empty", expression=[]),
    "an expression of words": reference(
        "expression.0: has none of sent, raw, text", expression=[{"words": []}]
    ),
    "an expression's box out of the image": reference(
        "bbox: [60, 5, 40, 10] leaves the image of 80 x 60", bbox=[60, 5, 40, 10]
    ),
    "an expression without an image": reference("image: 0 images; a box lies in", image=None),
    "an expression's height in quotes": reference(
        "image good.png: 80 x 60, but its annotation says 80 x '60'", height="60"
    ),
}
FOLDER = {
    "a line without an image": in_folder("file_name: names no image", file_name=None),
    "a line with an empty name": in_folder("file_name: names no image", file_name=""),
    "a line that leads upwards": in_folder(
        "image 'train/../../1.png' is not a path below", file_name="../../1.png"
    ),
    "a line without a text": in_folder("has no text", text=None),
}
ANNOTATIONS = {**COCO, **GROUNDING, **FOLDER}
