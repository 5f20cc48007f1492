"""The search corpus in the formats that people have: each concept comes from another source.

animal     LLaVA: a JSON array of conversations, images beside it
object     WebDataset: tars of KEY.png and KEY.json
document   the Cauldron: Parquet with lists of images and texts
chart      a folder: metadata.jsonl of file_name, question and answer
screen     a JSON-lines file of conversations
"""

from __future__ import annotations

import io
import json
import tarfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

Line = dict[str, Any]
ROWS_A_GROUP = 256
SAMPLES_A_TAR = 2000


def write_sources(folder: Path) -> None:
    """Turn `samples.jsonl` of the search corpus into one source a concept.

    Args:
        folder: Holds the lines and their images; images that go into other files are removed.
    """
    path = folder / "samples.jsonl"
    by_concept: dict[str, list[Line]] = defaultdict(list)
    for text in path.read_text().splitlines():
        line = json.loads(text)
        by_concept[line["concept"]].append(line)
    for concept, lines in by_concept.items():
        _WRITERS[concept](folder, concept, lines)
    path.unlink()


def _labels(line: Line) -> Line:
    return {"concept": line["concept"], "task": line["task"], "source": line["source"]}


def _conversation(line: Line) -> Line:
    turns = [
        {"from": "human", "value": f"<image>\n{line['question']}"},
        {"from": "gpt", "value": line["answer"]},
    ]
    return {"image": line["images"][0], "conversations": turns, **_labels(line)}


def _write_llava(folder: Path, name: str, lines: Sequence[Line]) -> None:
    found = [_conversation(line) for line in lines]
    (folder / f"{name}.json").write_text(json.dumps(found))


def _write_json_lines(folder: Path, name: str, lines: Sequence[Line]) -> None:
    found = (json.dumps(_conversation(line)) for line in lines)
    (folder / f"{name}.jsonl").write_text("\n".join(found))


def _write_folder(folder: Path, name: str, lines: Sequence[Line]) -> None:
    (folder / name).mkdir()
    with (folder / name / "metadata.jsonl").open("w") as file:
        for line in lines:
            turn = {"question": line["question"], "answer": line["answer"]}
            found = {"file_name": line["images"][0], **turn, **_labels(line)}
            file.write(json.dumps(found) + "\n")


def _write_web_dataset(folder: Path, name: str, lines: Sequence[Line]) -> None:
    (folder / name).mkdir()
    for number, chunk in enumerate(_chunks(lines, SAMPLES_A_TAR)):
        with tarfile.open(folder / name / f"{number:05d}.tar", "w") as tar:
            for index, line in enumerate(chunk):
                turn = {"question": line["question"], "answer": line["answer"]}
                record = json.dumps({**turn, **_labels(line)}).encode()
                _add(tar, f"{index:05d}.png", _taken(folder, line))
                _add(tar, f"{index:05d}.json", record)


def _write_parquet(folder: Path, name: str, lines: Sequence[Line]) -> None:
    (folder / name).mkdir()
    table = pa.Table.from_pylist(
        [
            {
                "images": [{"bytes": _taken(folder, line), "path": None}],
                "texts": [{"user": line["question"], "assistant": line["answer"]}],
                **_labels(line),
            }
            for line in lines
        ]
    )
    pq.write_table(table, folder / name / "train.parquet", row_group_size=ROWS_A_GROUP)


def _taken(folder: Path, line: Line) -> bytes:
    """Return the image of a line and remove its file."""
    path = folder / line["images"][0]
    content = path.read_bytes()
    path.unlink()
    return content


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    tar.addfile(info, io.BytesIO(content))


def _chunks(lines: Sequence[Line], size: int) -> Iterator[Sequence[Line]]:
    for begin in range(0, len(lines), size):
        yield lines[begin : begin + size]


_WRITERS: dict[str, Callable[[Path, str, Sequence[Line]], None]] = {
    "animal": _write_llava,
    "object": _write_web_dataset,
    "document": _write_parquet,
    "chart": _write_folder,
    "screen": _write_json_lines,
}
