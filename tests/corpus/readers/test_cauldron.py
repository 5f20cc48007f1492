"""Parquet as the Cauldron and FineVision have it, written by pyarrow and by datasets."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from mixatlas.contract.manifest import Turn
from mixatlas.corpus.raw import RawSample
from raw_sources import picture, reader_of, samples_of, told

IMAGES = pa.list_(pa.struct([("bytes", pa.binary()), ("path", pa.string())]))
TEXTS = pa.list_(
    pa.struct([("user", pa.string()), ("assistant", pa.string()), ("source", pa.string())])
)
CAULDRON = pa.schema([("images", IMAGES), ("texts", TEXTS)])


def a_row(number: int, source: str | None = "AI2D") -> dict[str, Any]:
    return {
        "images": [{"bytes": picture(number), "path": None}],
        "texts": [
            {"user": f"Which is {number}?", "assistant": "This.", "source": source},
            {"user": "Sure?", "assistant": "Yes.", "source": source},
        ],
    }


def write(path: Path, rows: list[dict[str, Any]], schema: pa.Schema = CAULDRON, **how: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows, schema), path, **how)


def test_images_and_texts_are_read_by_row_group(tmp_path: Path) -> None:
    write(tmp_path / "ai2d" / "train.parquet", [a_row(n) for n in range(50)], row_group_size=20)
    reader = reader_of("Cauldron", tmp_path)
    assert [unit.piece for unit in reader.units(7)] == [0, 1, 2]
    found = samples_of(reader)
    places = [f"ai2d/train.parquet:{n // 20}:{n % 20}" for n in range(50)]
    assert [sample.where for sample in found] == places
    assert found[33].turns[0] == Turn(question="Which is 33?", answer="This.")
    assert len(found[33].turns) == 2
    assert [image.content for image in found[33].images] == [picture(33)]
    assert {sample.origin for sample in found} == {"AI2D"}


def test_the_origin_is_what_is_nearest(tmp_path: Path) -> None:
    write(tmp_path / "chartqa" / "a.parquet", [a_row(0, None)])
    (sample,) = samples_of(reader_of("Cauldron", tmp_path))
    assert sample.origin == "chartqa"
    schema = CAULDRON.append(pa.field("source", pa.string()))
    write(tmp_path / "chartqa" / "a.parquet", [a_row(0, None) | {"source": "ChartQA"}], schema)
    (sample,) = samples_of(reader_of("Cauldron", tmp_path))
    assert sample.origin == "ChartQA"


def test_a_table_of_datasets_is_read(tmp_path: Path) -> None:
    features = datasets.Features(
        {
            "image": datasets.Image(),
            "query": datasets.Value("string"),
            "label": datasets.Value("string"),
            "kind": datasets.ClassLabel(names=["photo", "chart"]),
            "meta": {"task": datasets.Value("string")},
        }
    )
    rows = [
        {
            "image": Image.new("RGB", (3, 2), (number, 0, 0)),
            "query": f"{number}?",
            "label": "yes",
            "kind": number % 2,
            "meta": {"task": "vqa"},
        }
        for number in range(3)
    ]
    datasets.Dataset.from_list(rows, features=features).to_parquet(tmp_path / "a.parquet")
    columns = {"question": "query", "answer": "label", "concept": "kind", "task": "meta.task"}
    found = samples_of(reader_of("Cauldron", tmp_path, columns))
    assert [sample.turns[0].question for sample in found] == ["0?", "1?", "2?"]
    assert [sample.concept for sample in found] == ["photo", "chart", "photo"]
    assert {sample.task for sample in found} == {"vqa"}
    assert all(len(sample.images) == 1 for sample in found)


def test_text_without_an_image_is_a_sample(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", [a_row(0) | {"images": None}, a_row(1) | {"images": []}])
    assert [sample.images for sample in samples_of(reader_of("Cauldron", tmp_path))] == [(), ()]


def test_an_image_may_be_a_path(tmp_path: Path) -> None:
    (tmp_path / "1.png").write_bytes(picture(1))
    schema = pa.schema([("image", pa.string()), ("caption", pa.string())])
    write(tmp_path / "a.parquet", [{"image": "1.png", "caption": "A dot."}], schema)
    (sample,) = samples_of(reader_of("Cauldron", tmp_path))
    assert sample.images[0].content == picture(1)
    assert sample.turns == (Turn(question="Describe the image.", answer="A dot."),)


def test_a_row_group_that_is_damaged_ends_alone(tmp_path: Path) -> None:
    def noise(number: int) -> bytes:
        # Pages of their own, uncompressed, so that the damage lies in a known one.
        return random.Random(number).randbytes(2000)

    schema = pa.schema([("image", pa.binary()), ("caption", pa.string())])
    rows = [{"image": picture(n) + noise(n), "caption": "A dot."} for n in range(40)]
    path = tmp_path / "a.parquet"
    how = {"compression": "none", "use_dictionary": False, "data_page_size": 1024}
    write(path, rows, schema, row_group_size=20, write_batch_size=1, **how)
    content = path.read_bytes()
    # What comes before a page's bytes is its header.
    at = content.index(noise(17)) + 2000
    path.write_bytes(content[:at] + b"\xff" * 60 + content[at + 60 :])
    first, second = (list(reader_of("Cauldron", tmp_path).read(unit, 1)) for unit in units(path))
    assert all(isinstance(found, RawSample) for found in [*first[:16], *second])
    assert len(second) == 20
    assert "a.parquet:0:16: the row group cannot be read on" in told(first)[-1]


def units(path: Path) -> list[Any]:
    return list(reader_of("Cauldron", path).units(1))
