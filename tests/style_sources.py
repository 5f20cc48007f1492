"""Turns in the words of public datasets, written by each format's own library, and built.

`tests/corpus/tasks/styles/*.jsonl` holds the turns: {format, source, question, answer, task,
origin}; `origin` says where the wording comes from, the answers are ours. `question` is null where
a reader asks, and a lone `answer` or `question` is what the format holds: a caption, names of
objects, an expression. Each turn becomes a sample with its number in a column; its task is never
written, so that `corpus build` has nothing but the words.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import webdataset
import yaml
from PIL import Image
from pycocotools.coco import COCO

from mixatlas.contract.manifest import Task
from mixatlas.corpus import build
from mixatlas.corpus.files import LocalFiles
from mixatlas.corpus.tasks import Confusion, confusion
from raw_corpus import write_tokenizer
from raw_sources import a_chat, picture, write_json

STYLES = Path(__file__).parent / "corpus" / "tasks" / "styles"
SIZE = (40, 20)
Row = dict[str, Any]


def read_styles(name: str) -> list[Row]:
    """Return the turns of a set, each with its number as `key`."""
    lines = (STYLES / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) | {"key": f"{number:04d}"} for number, line in enumerate(lines)]


def confusions(folder: Path, rows: Sequence[Row]) -> dict[str, Confusion]:
    """Write the turns, build a corpus from them, and compare tasks, by format."""
    found = build_styles(folder, rows)
    return {
        name: confusion((row["task"], found[row["key"]]) for row in of_format)
        for name, of_format in _by_format(rows).items()
    }


def build_styles(folder: Path, rows: Sequence[Row]) -> dict[str, Task]:
    """Write the turns, build a corpus from them, and return the task of each by its number."""
    folder.mkdir(parents=True, exist_ok=True)
    write_tokenizer(folder / "tokenizer")
    sources = []
    for name, of_format in _by_format(rows).items():
        place = folder / name
        (place / "images").mkdir(parents=True)
        uri = _WRITERS[name](place, of_format)
        source = {"name": name.lower(), "format": name, "uri": str(uri), "concept": "photo"}
        if name in _WITH_IMAGES_APART:
            source["images"] = str(place / "images")
        sources.append(source | {"columns": {"origin": "key"}})
    document = {"sources": sources, "parts": 1, "concepts": {"method": "Column"}}
    document |= {"tokenizer": "tokenizer", "imageTokens": 4}
    (folder / "corpus.yaml").write_text(yaml.safe_dump(document))
    out = folder / "out"
    build(folder / "corpus.yaml", out, open_files=lambda place: LocalFiles(Path(place)))
    return dict(_tasks(out))


def _by_format(rows: Iterable[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row["format"], []).append(row)
    return found


def _tasks(out: Path) -> Iterator[tuple[str, Task]]:
    for path in out.glob("shards/*/*.tar"):
        with tarfile.open(path) as tar:
            for member in tar:
                file = tar.extractfile(member)
                if file is not None and member.name.endswith(".json"):
                    sample = json.loads(file.read())
                    yield sample["source"], sample["task"]


def _picture(row: Row) -> bytes:
    return picture(int(row["key"]), size=SIZE)


def _write_pictures(place: Path, rows: Iterable[Row]) -> None:
    for row in rows:
        (place / "images" / f"{row['key']}.png").write_bytes(_picture(row))


def _turn(row: Row) -> Row:
    """Return a caption, or a question with its answer."""
    if row["question"] is None:
        return {"caption": row["answer"]}
    return {"question": row["question"], "answer": row["answer"]}


def _write_llava(place: Path, rows: Sequence[Row]) -> Path:
    _write_pictures(place, rows)
    records = [
        {"id": row["key"], "key": row["key"]}
        | ({"image": f"{row['key']}.png"} if row.get("image", True) else {})
        | {"conversations": a_chat(row["question"], row["answer"])}
        for row in rows
    ]
    write_json(place / "data.json", records)
    return place / "data.json"


def _write_cauldron(place: Path, rows: Sequence[Row]) -> Path:
    table = pa.Table.from_pylist(
        [
            {
                "images": [{"bytes": _picture(row), "path": None}],
                "texts": [{"user": row["question"], "assistant": row["answer"]}],
                "key": row["key"],
            }
            for row in rows
        ]
    )
    pq.write_table(table, place / "train.parquet")
    return place / "train.parquet"


def _write_webdataset(place: Path, rows: Sequence[Row]) -> Path:
    with webdataset.TarWriter(str(place / "00000.tar")) as tar:
        for row in rows:
            sample: Row = {"__key__": row["key"], "png": _picture(row)}
            if row["question"] is None:
                sample |= {"txt": row["answer"], "json": {"key": row["key"]}}
            else:
                sample["json"] = _turn(row) | {"key": row["key"]}
            tar.write(sample)
    return place / "00000.tar"


def _coco_images(place: Path, rows: Sequence[Row]) -> list[Row]:
    _write_pictures(place, rows)
    return [
        {"id": number, "file_name": f"{row['key']}.png", "key": row["key"]}
        | {"width": SIZE[0], "height": SIZE[1]}
        for number, row in enumerate(rows)
    ]


def _write_coco_captions(place: Path, rows: Sequence[Row]) -> Path:
    captions = [{"id": n, "image_id": n, "caption": row["answer"]} for n, row in enumerate(rows)]
    path = place / "captions.json"
    write_json(path, {"info": {}, "images": _coco_images(place, rows), "annotations": captions})
    assert len(COCO(path).getImgIds()) == len(rows)
    return path


def _write_coco_instances(place: Path, rows: Sequence[Row]) -> Path:
    names = sorted({name for row in rows for name in row["answer"].split("; ")})
    boxes = [
        {"image_id": number, "category_id": names.index(name), "iscrowd": 0, "area": 40}
        | {"bbox": [2 * at, at, 10, 4]}
        for number, row in enumerate(rows)
        for at, name in enumerate(row["answer"].split("; "))
    ]
    found: Mapping[str, object] = {
        "images": _coco_images(place, rows),
        "annotations": [{"id": number} | box for number, box in enumerate(boxes)],
        "categories": [{"id": number, "name": name} for number, name in enumerate(names)],
    }
    write_json(place / "instances.json", found)
    assert len(COCO(place / "instances.json").getAnnIds()) == len(boxes)
    return place / "instances.json"


def _write_grounding(place: Path, rows: Sequence[Row]) -> Path:
    _write_pictures(place, rows)
    records = [
        {"image": f"{row['key']}.png", "expression": row["question"], "bbox": [4, 2, 10, 9]}
        | {"key": row["key"]}
        for row in rows
    ]
    write_json(place / "refs.jsonl", records)
    return place / "refs.jsonl"


def _write_folder(place: Path, rows: Sequence[Row]) -> Path:
    _write_pictures(place, rows)
    lines = [
        {"file_name": f"{row['key']}.png", "key": row["key"]}
        | ({"text": row["answer"]} if row["question"] is None else _turn(row))
        for row in rows
    ]
    write_json(place / "images" / "metadata.jsonl", lines)
    return place / "images"


def _write_hf_dataset(place: Path, rows: Sequence[Row]) -> Path:
    text = datasets.Value("string")
    features = {"image": datasets.Image(), "question": text, "answer": text, "key": text}
    found = [
        {"image": Image.open(io.BytesIO(_picture(row))), "key": row["key"]} | _turn(row)
        for row in rows
    ]
    table = datasets.Dataset.from_list(found, features=datasets.Features(features))
    table.save_to_disk(place / "saved")
    return place / "saved"


_WRITERS: dict[str, Callable[[Path, Sequence[Row]], Path]] = {
    "Llava": _write_llava,
    "Cauldron": _write_cauldron,
    "WebDataset": _write_webdataset,
    "CocoCaptions": _write_coco_captions,
    "CocoInstances": _write_coco_instances,
    "Grounding": _write_grounding,
    "Folder": _write_folder,
    "HfDataset": _write_hf_dataset,
}
_WITH_IMAGES_APART = {"Llava", "CocoCaptions", "CocoInstances", "Grounding"}
