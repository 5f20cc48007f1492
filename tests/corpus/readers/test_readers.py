"""What all readers have in common: how they are opened, dealt out to parts, and told apart."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import cast

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixatlas.adapters.s3 import S3Store
from mixatlas.contract.errors import CorpusInvalid
from mixatlas.corpus.files import LocalFiles, StoreFiles
from mixatlas.corpus.raw import RawSample
from mixatlas.corpus.readers import FORMATS, detect, fields_of, open_reader
from raw_sources import (
    Objects,
    a_chat,
    picture,
    read_all,
    read_part,
    reader_of,
    told,
    write_json,
    write_pictures,
)

N = 23


def write_llava(folder: Path) -> None:
    records = [{"image": "1.png", "conversations": a_chat(f"{n}?", "yes")} for n in range(N)]
    records[7] = {"image": "missing.png", "conversations": a_chat("a", "b")}
    write_json(folder / "a.json", records)
    write_json(folder / "more" / "b.jsonl", records)


def write_cauldron(folder: Path) -> None:
    for name in ("a", "b"):
        table = pa.table({"caption": [f"{name} {n}" if n != 5 else "" for n in range(N)]})
        pq.write_table(table, folder / f"{name}.parquet", row_group_size=4)


def write_webdataset(folder: Path) -> None:
    for shard in range(4):
        with tarfile.open(folder / f"{shard}.tar", "w") as tar:
            for number in range(N):
                info = tarfile.TarInfo(f"{number}.txt")
                info.size = 1 if number != 3 else 0
                tar.addfile(info, io.BytesIO(b"x"))


def write_captions(folder: Path) -> None:
    images = [{"id": n, "file_name": "1.png"} for n in range(9)]
    captions = [{"image_id": n % 10, "caption": f"caption {n}"} for n in range(N)]
    write_json(folder / "a.json", {"images": images, "annotations": [*captions, 7]})


def write_instances(folder: Path) -> None:
    images = [{"id": f"i{n}", "file_name": "1.png"} for n in range(N)]
    boxes = [{"image_id": f"i{n}", "category_id": 1, "bbox": [0, 0, n, 1]} for n in range(N)]
    categories = [{"id": 1, "name": "cat"}]
    content = {"images": images, "annotations": boxes, "categories": categories}
    write_json(folder / "a.json", content)


def write_folder(folder: Path) -> None:
    write_json(
        folder / "metadata.jsonl", [{"file_name": "1.png", "text": f"{n}"} for n in range(N)]
    )


def write_grounding(folder: Path) -> None:
    records = [{"image": "1.png", "expression": "x", "bbox": [0, 0, n, 1]} for n in range(N)]
    write_json(folder / "refs.json", records)


def write_hf(folder: Path) -> None:
    rows = [{"question": f"{n}?", "answer": "yes" if n != 9 else ""} for n in range(N)]
    datasets.Dataset.from_list(rows).save_to_disk(folder, num_shards=2)


WRITERS: dict[str, Callable[[Path], None]] = {
    "Cauldron": write_cauldron,
    "CocoCaptions": write_captions,
    "CocoInstances": write_instances,
    "Folder": write_folder,
    "Grounding": write_grounding,
    "HfDataset": write_hf,
    "Llava": write_llava,
    "WebDataset": write_webdataset,
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folders = {name: tmp_path_factory.mktemp(name) for name in WRITERS}
    for name, write in WRITERS.items():
        write(folders[name])
        write_pictures(folders[name], "1.png")
    return folders


def test_every_format_is_written_here() -> None:
    assert set(WRITERS) == set(FORMATS)


@settings(deadline=None, max_examples=60)
@given(format=st.sampled_from(sorted(WRITERS)), n_parts=st.integers(2, 40))
def test_parts_together_read_every_sample_once(
    folders: dict[str, Path],
    format: str,  # noqa: A002
    n_parts: int,
) -> None:
    reader = reader_of(format, folders[format])
    whole = read_all(reader)
    assert sum(isinstance(found, RawSample) for found in whole) >= 5
    assert len(set(told(whole))) == len(whole)
    parts = [found for part in range(n_parts) for found in read_part(reader, part, n_parts)]
    assert sorted(told(parts)) == sorted(told(whole))


@settings(deadline=None)
@given(format=st.sampled_from(sorted(WRITERS)), data=st.data())
def test_damage_of_any_kind_is_told_and_raises_nothing_else(
    folders: dict[str, Path],
    tmp_path_factory: pytest.TempPathFactory,
    format: str,  # noqa: A002
    data: st.DataObject,
) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    shutil.copytree(folders[format], folder, dirs_exist_ok=True)
    path = data.draw(st.sampled_from(sorted(p for p in folder.rglob("*") if p.is_file())))
    content = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(content)))
    kind = data.draw(st.sampled_from(["cut", "overwrite", "insert", "flip"]))
    if kind == "cut":
        del content[at:]
    elif kind == "flip" and at < len(content):
        content[at] ^= 1 << data.draw(st.integers(0, 7))
    else:
        noise = data.draw(st.binary(min_size=1, max_size=16))
        content[at : at + len(noise) * (kind == "overwrite")] = noise
    path.write_bytes(content)
    try:
        found = read_all(reader_of(format, folder))
    except CorpusInvalid as error:
        str(error).encode()
    else:
        "".join(told(found)).encode()


@pytest.mark.parametrize("format", sorted(WRITERS))
def test_a_store_reads_as_a_folder(folders: dict[str, Path], format: str) -> None:  # noqa: A002
    folder = folders[format]
    objects = {
        f"s3://bucket/data/{path.relative_to(folder).as_posix()}": path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
    files = StoreFiles("s3://bucket/data", cast("S3Store", Objects(objects)))
    assert detect(files) == format
    found = read_all(open_reader(format, files, files, {}))
    expected = read_all(reader_of(format, folder))
    assert [entry for entry in found if isinstance(entry, RawSample)] == [
        entry for entry in expected if isinstance(entry, RawSample)
    ]
    assert len(found) == len(expected)


@pytest.mark.parametrize("format", sorted(WRITERS))
def test_the_format_is_told_by_content(folders: dict[str, Path], format: str) -> None:  # noqa: A002
    assert detect(LocalFiles(folders[format])) == format


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", b"[]", b'{"a": 1}', b"\x1f\x8b\0"])
def test_files_of_no_format_are_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.bin").write_bytes(content)
    with pytest.raises(CorpusInvalid, match="of no format that is known"):
        detect(LocalFiles(tmp_path))


@pytest.mark.parametrize("format", sorted(FORMATS))
def test_a_folder_without_files_of_the_format_is_refused(tmp_path: Path, format: str) -> None:  # noqa: A002
    (tmp_path / "1.png").write_bytes(picture())
    with pytest.raises(CorpusInvalid):
        reader_of(format, tmp_path).units(1)


def test_a_format_or_a_field_that_there_is_not_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusInvalid, match="there is no format 'LLaVa'") as error:
        reader_of("LLaVa", tmp_path)
    assert error.value.hint == "did you mean `Llava`?"
    with pytest.raises(CorpusInvalid, match=r"columns\.anwser: Llava has no such field") as error:
        reader_of("Llava", tmp_path, {"anwser": "x"})
    assert error.value.hint == "did you mean `answer`?"


def test_fields_of_every_format_have_labels() -> None:
    for name in FORMATS:
        assert {"concept", "task", "origin"} <= set(fields_of(name))


def test_a_file_that_goes_away_is_named(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", [])
    reader = reader_of("Llava", tmp_path)
    (unit,) = reader.units(1)
    (tmp_path / "a.json").unlink()
    with pytest.raises(CorpusInvalid, match=r"a\.json: no such file"):
        list(reader.read(unit, 1))


def test_only_formats_that_need_arrow_load_it() -> None:
    script = """
import sys, pathlib
from mixatlas.corpus.files import LocalFiles, StoreFiles
from mixatlas.corpus.readers import FORMATS, open_reader
files = LocalFiles(pathlib.Path("."))
loaded = {}
for name in sorted(FORMATS, key=lambda name: name in ("Cauldron", "HfDataset")):
    open_reader(name, files, files, {})
    loaded[name] = "pyarrow" in sys.modules
assert not {"datasets", "pandas", "webdataset"} & set(sys.modules)
import json; print(json.dumps(loaded))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    loaded = json.loads(done.stdout)
    assert {name for name, is_loaded in loaded.items() if is_loaded} == {"Cauldron", "HfDataset"}
