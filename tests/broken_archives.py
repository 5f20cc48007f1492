"""Tars, Parquet and saved datasets with something wrong in them; see `broken_sources`."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from broken_sources import ONE, PNG, Broken, raw
from raw_sources import picture


def tar(members: list[tuple[str, bytes]], reason: str) -> Broken:
    """Return a tar whose first sample, `a`, is broken."""

    def write(folder: Path) -> None:
        folder.joinpath("0.tar").write_bytes(tarred([*members, ("b.png", PNG), ("b.txt", b"good")]))

    return Broken(format="WebDataset", write=write, message=f"{ONE}0.tar!a: {reason}")


def tarred(members: list[tuple[str, bytes]]) -> bytes:
    """Return a tar; a member whose content begins with `->` is a link."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            if content.startswith(b"->"):
                info.type, info.linkname = tarfile.SYMTYPE, content[2:].decode()
            else:
                info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return file.getvalue()


def no_tar(content: bytes) -> Broken:
    """Return what is no tar."""
    write = raw("0.tar", content)
    return Broken(format="WebDataset", write=write, message="0.tar: is not a tar: ")


PAIR = [("a.png", PNG), ("a.txt", b"x")]
TARS = {
    "an image without a text": tar([("a.png", PNG)], "has neither a .json nor a .txt"),
    "an empty caption": tar([("a.png", PNG), ("a.txt", b"")], "caption: is empty"),
    "a caption in Latin-1": tar([("a.txt", b"caf\xe9")], "a.txt: not UTF-8 at byte 3"),
    "wrong JSON in a tar": tar([("a.json", b'{"caption": NaN}')], "a.json: not JSON: NaN is not"),
    "a list in a tar": tar([("a.json", b"[]")], "a.json: not a JSON object"),
    "JSON without a text": tar([("a.png", PNG), ("a.json", b"{}")], "has no text: none of"),
    "two members of one name": tar([*PAIR, ("a.txt", b"y")], "a.txt: there are two"),
    "an empty image in a tar": tar([("a.png", b""), ("a.txt", b"x")], "image a.png: is empty"),
    "a WebP in a tar": tar(
        [("a.webp", picture(0, "WEBP")), ("a.txt", b"x")], "image a.webp: a WebP image"
    ),
    "one placeholder for two images": tar(
        [("a.txt", b"<image> x"), ("a.0.png", PNG), ("a.1.png", PNG)], "1 placeholders <image> for"
    ),
    "a link in a tar": tar(
        [("a.png", b"->/etc/hostname"), ("a.txt", b"x")], "a.png: is a link, not a file"
    ),
    "a truncated tar": Broken(
        format="WebDataset",
        write=raw("0.tar", tarred([*PAIR, ("b.txt", b"x"), ("b.png", PNG)])[: 512 * 7 + 50]),
        message=f"{ONE}0.tar!b: the tar breaks off here: ",
    ),
    "an empty tar": no_tar(b""),
    "a ZIP for a tar": no_tar(b"PK\x03\x04" * 200),
    "a gzip of nothing": no_tar(b"\x1f\x8b" + b"\0" * 600),
}


def table(row: Mapping[str, Any], reason: str) -> Broken:
    """Return Parquet whose first row is broken."""
    good = {"image": {"bytes": PNG, "path": None}, "caption": "good"}

    def write(folder: Path) -> None:
        pq.write_table(pa.Table.from_pylist([good | row, good]), folder / "a.parquet")

    return Broken(format="Cauldron", write=write, message=f"{ONE}a.parquet:0:0: {reason}")


def columns(names: list[str], reason: str, **named: str) -> Broken:
    """Return Parquet with these columns."""

    def write(folder: Path) -> None:
        found = pa.Table.from_arrays([pa.array(["x"])] * len(names), names=names)
        pq.write_table(found, folder / "a.parquet")

    return Broken(format="Cauldron", write=write, columns=named, message=f"a.parquet: {reason}")


def no_parquet(content: bytes) -> Broken:
    """Return what is no Parquet."""
    write = raw("a.parquet", content)
    return Broken(format="Cauldron", write=write, message="a.parquet: is not Parquet: ")


def _text_that_is_not_utf8(folder: Path) -> None:
    # Parquet has bytes for both; the schema says that these are text.
    texts = pa.array([b"b\xffd", b"good"], pa.binary()).view(pa.string())
    pq.write_table(pa.table({"caption": texts}), folder / "a.parquet")


PARQUET = {
    "no Parquet at all": no_parquet(b""),
    "Parquet of its magic alone": no_parquet(b"PAR1"),
    "Parquet with a broken footer": no_parquet(b"PAR1" + b"\xff" * 400 + b"PAR1"),
    "JSON named Parquet": no_parquet(b"{}"),
    "a table of something else": columns(["x"], "has none of the columns conversations"),
    "a table without the column": columns(
        ["caption", "topics"],
        "no column `topic`, which `columns.concept` names\n  did you mean `topics`?",
        concept="topic",
    ),
    "a table without the field in a struct": columns(
        ["meta", "caption"], "no column `meta.topic`", concept="meta.topic"
    ),
    "two columns of one name": columns(["caption", "caption"], "two columns have one name"),
    "an empty caption in a row": table({"caption": " "}, "caption: is empty"),
    "an image cut off in a row": table(
        {"image": {"bytes": PNG[:-20], "path": "1.png"}}, "image 1.png: broken: "
    ),
    "an image outside in a row": table(
        {"image": {"bytes": None, "path": "../1.png"}}, "image '../1.png' is not a path below"
    ),
    "a row that is not UTF-8": Broken(
        format="Cauldron",
        write=_text_that_is_not_utf8,
        message=f"{ONE}a.parquet:0:0: cannot be read: 'utf-8' codec can't decode byte 0xff",
    ),
}


def saved(row: Mapping[str, Any], reason: str) -> Broken:
    """Return a saved dataset whose first row is broken."""
    good = {"question": "x", "answer": "good"}

    def write(folder: Path) -> None:
        (folder / "data.arrow").write_bytes(_stream([good | row, good]))
        (folder / "state.json").write_text(STATE)

    return Broken(format="HfDataset", write=write, message=f"{ONE}data.arrow[0]: {reason}")


def state(text: str, message: str, **files: bytes) -> Broken:
    """Return a folder with `state.json` and other files, by the first part of their names."""

    def write(folder: Path) -> None:
        (folder / "state.json").write_text(text)
        for name, content in files.items():
            (folder / f"{name}.arrow").write_bytes(content)

    return Broken(format="HfDataset", write=write, message=message)


def _stream(rows: list[dict[str, Any]]) -> bytes:
    file = io.BytesIO()
    table = pa.Table.from_pylist(rows)
    with pa.ipc.new_stream(file, table.schema) as stream:
        for row in range(table.num_rows):
            stream.write_table(table.slice(row, 1))
    return file.getvalue()


def _several_splits(folder: Path) -> None:
    for split in ("train", "test"):
        (folder / split).mkdir()
        (folder / split / "state.json").write_text(STATE)


STATE = json.dumps({"_data_files": [{"filename": "data.arrow"}]})
ROW = {"question": "x", "answer": "good"}
NO_FILES = "state.json: names no data files"
NO_STREAM = "data.arrow: is not an Arrow stream: "
SAVED = {
    "several splits": Broken(
        format="HfDataset",
        write=_several_splits,
        message="there are several splits: test, train",
    ),
    "a folder of something else": Broken(
        format="HfDataset", write=raw("data.arrow", b""), message="there is no state.json"
    ),
    "a state that is a list": state("[]", NO_FILES),
    "a state of no files": state("{}", NO_FILES),
    "a state that is no JSON": state("not JSON", NO_FILES),
    "a state without names": state('{"_data_files": [{}]}', NO_FILES),
    "a file of the state is missing": state(STATE, "data.arrow: no such file"),
    "an empty stream": state(STATE, NO_STREAM, data=b""),
    "the Arrow of files": state(STATE, NO_STREAM, data=b"ARROW1\0\0"),
    "a stream of noise": state(STATE, NO_STREAM, data=b"\xff" * 100),
    "a stream that breaks off": state(
        STATE,
        f"{ONE}data.arrow[1]: the file cannot be read on: ",
        data=_stream([ROW, ROW])[:-40],
    ),
    "an empty answer in a dataset": saved({"answer": ""}, "answer: is empty"),
    "no question in a dataset": saved({"question": None}, "question: must be text, not nothing"),
}
ARCHIVES = {**TARS, **PARQUET, **SAVED}
