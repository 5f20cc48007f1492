"""Datasets as `save_to_disk` of the datasets library writes them."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import datasets
import pyarrow as pa
import pytest
from PIL import Image

from mixatlas.contract.errors import CorpusInvalid
from mixatlas.contract.manifest import Turn
from mixatlas.corpus.raw import RawSample
from raw_sources import read_all, read_part, reader_of, samples_of, told

FEATURES = datasets.Features(
    {
        "image": datasets.Image(),
        "question": datasets.Value("string"),
        "answer": datasets.Value("string"),
        "kind": datasets.ClassLabel(names=["photo", "chart"]),
    }
)


def a_dataset(n_rows: int) -> datasets.Dataset:
    rows = [
        {
            "image": Image.new("RGB", (3, 2), (number, 0, 0)),
            "question": f"{number}?",
            "answer": "yes",
            "kind": number % 2,
        }
        for number in range(n_rows)
    ]
    return datasets.Dataset.from_list(rows, features=FEATURES)


def test_rows_of_all_shards_are_read(tmp_path: Path) -> None:
    a_dataset(10).save_to_disk(tmp_path / "d", num_shards=2)
    found = samples_of(reader_of("HfDataset", tmp_path / "d", {"concept": "kind"}))
    assert [sample.turns[0].question for sample in found] == [f"{n}?" for n in range(10)]
    assert [sample.concept for sample in found[:2]] == ["photo", "chart"]
    assert found[7].where == "data-00001-of-00002.arrow[2]"
    assert all(sample.images[0].content.startswith(b"\x89PNG") for sample in found)


def test_only_files_that_the_dataset_names_are_read(tmp_path: Path) -> None:
    a_dataset(3).save_to_disk(tmp_path / "d")
    (tmp_path / "d" / "cache-1.arrow").write_bytes(b"of another computation")
    assert len(samples_of(reader_of("HfDataset", tmp_path / "d"))) == 3


def test_conversations_are_read_from_lists(tmp_path: Path) -> None:
    chat = [{"from": "human", "value": "Hello"}, {"from": "gpt", "value": "Hi"}]
    datasets.Dataset.from_list([{"conversations": chat}]).save_to_disk(tmp_path / "d")
    (sample,) = samples_of(reader_of("HfDataset", tmp_path / "d"))
    assert sample.turns == (Turn(question="Hello", answer="Hi"),)


def test_one_split_alone_is_read(tmp_path: Path) -> None:
    both = datasets.DatasetDict({"train": a_dataset(3), "test": a_dataset(2)})
    both.save_to_disk(tmp_path / "d")
    with pytest.raises(CorpusInvalid, match="several splits: test, train"):
        read_all(reader_of("HfDataset", tmp_path / "d"))
    assert len(samples_of(reader_of("HfDataset", tmp_path / "d" / "train"))) == 3


def test_a_stream_that_breaks_off_gives_the_batches_before(tmp_path: Path) -> None:
    schema = pa.schema([("caption", pa.string())])
    path = tmp_path / "data.arrow"
    ends = []
    with path.open("wb") as file, pa.ipc.new_stream(file, schema) as stream:
        for number in range(6):
            stream.write_batch(pa.record_batch([[f"{number} a", f"{number} b"]], schema=schema))
            ends.append(file.tell())
    (tmp_path / "state.json").write_text(json.dumps({"_data_files": [{"filename": path.name}]}))
    whole = path.read_bytes()
    for end in (ends[3] - 1, ends[3] - 40, ends[3] + 4, ends[3]):
        path.write_bytes(whole[:end])
        n_samples = 6 if end < ends[3] else 8
        reader = reader_of("HfDataset", tmp_path)
        found = read_all(reader)
        assert sum(isinstance(entry, RawSample) for entry in found) == n_samples
        assert told(found)[-1].startswith(f"data.arrow[{n_samples}]: the file ")
        parts = [read_part(reader, part, 3) for part in range(3)]
        assert sorted(told([entry for part in parts for entry in part])) == sorted(told(found))


def test_a_text_that_leads_out_of_its_buffer_breaks_its_row_alone(tmp_path: Path) -> None:
    offsets = pa.py_buffer(struct.pack("<4i", 0, 4, 400_000_000, 8))
    texts = pa.Array.from_buffers(pa.string(), 3, [None, offsets, pa.py_buffer(b"goodgood")])
    batch = pa.RecordBatch.from_arrays([texts], ["caption"])
    path = tmp_path / "data.arrow"
    with path.open("wb") as file, pa.ipc.new_stream(file, batch.schema) as stream:
        stream.write_batch(batch)
    (tmp_path / "state.json").write_text(json.dumps({"_data_files": [{"filename": path.name}]}))
    first, *others = told(read_all(reader_of("HfDataset", tmp_path)))
    assert first == "data.arrow[0]"
    assert len(others) == 2
    assert all("Offset invariant failure" in line for line in others)
