"""Tars as the webdataset library writes them."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from typing import Any

import pytest
import webdataset

from mixatlas.contract.errors import CorpusInvalid
from mixatlas.contract.manifest import Turn
from mixatlas.corpus.raw import RawSample
from raw_sources import picture, read_all, reader_of, samples_of, told


def write_tar(path: Path, samples: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with webdataset.TarWriter(str(path)) as writer:
        for number, sample in enumerate(samples):
            writer.write({"__key__": f"{number:03d}"} | sample)


def write_members(path: Path, members: list[tuple[str, bytes]], mode: str = "w") -> None:
    with tarfile.open(path, mode) as tar:  # type: ignore[call-overload]
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))


def captioned(n_samples: int) -> list[dict[str, Any]]:
    return [{"png": picture(n), "txt": f"a picture of {n}"} for n in range(n_samples)]


@pytest.mark.parametrize("name", ["cc3m/000.tar", "cc3m/000.tar.gz"])
def test_captions_are_read_from_text(tmp_path: Path, name: str) -> None:
    write_tar(tmp_path / name, captioned(5))
    found = samples_of(reader_of("WebDataset", tmp_path))
    assert [sample.where for sample in found] == [f"{name}!{n:03d}" for n in range(5)]
    assert found[3].turns == (Turn(question="Describe the image.", answer="a picture of 3"),)
    assert found[3].images[0].content == picture(3)
    assert found[3].origin == "cc3m"


@pytest.mark.parametrize(
    ("record", "question"),
    [
        ({"question": "What?", "answer": "It."}, "What?"),
        ({"turns": [{"question": "What?", "answer": "It."}]}, "What?"),
        ({"conversations": [{"from": "human", "value": "<image>\nWhat?"}] * 1}, None),
        ({"caption": "It."}, "Describe the image."),
        ({"url": "http://x", "width": 8}, "Describe the image."),
    ],
)
def test_json_says_more_than_text(
    tmp_path: Path, record: dict[str, Any], question: str | None
) -> None:
    write_tar(tmp_path / "0.tar", [{"jpg": picture(1, "JPEG"), "json": record, "txt": "It."}])
    (found,) = read_all(reader_of("WebDataset", tmp_path))
    if question is None:
        assert told([found]) == ["0.tar!000: conversations.0: a question without an answer"]
    else:
        assert isinstance(found, RawSample)
        assert found.turns == (Turn(question=question, answer="It."),)


def test_several_images_come_in_the_order_of_the_tar(tmp_path: Path) -> None:
    sample = {"0.png": picture(0), "1.png": picture(1), "txt": "two"}
    write_tar(tmp_path / "0.tar", [sample | {"mask.png": b"no image of it", "cls": 3}])
    (found,) = samples_of(reader_of("WebDataset", tmp_path))
    assert [image.content for image in found.images] == [picture(0), picture(1)]
    assert [image.name for image in found.images] == ["000.0.png", "000.1.png"]


def test_columns_are_those_of_the_json(tmp_path: Path) -> None:
    record = {"caption": "x", "labels": {"topic": "chart"}, "kind": "caption", "from": "cc"}
    write_tar(tmp_path / "0.tar", [{"json": record}])
    columns = {"concept": "labels.topic", "task": "kind", "origin": "from"}
    (found,) = samples_of(reader_of("WebDataset", tmp_path, columns))
    assert (found.concept, found.task, found.origin) == ("chart", "caption", "cc")
    with pytest.raises(CorpusInvalid, match="no column `topic`"):
        read_all(reader_of("WebDataset", tmp_path, {"concept": "topic"}))


def test_a_tar_that_breaks_off_gives_the_samples_before(tmp_path: Path) -> None:
    path = tmp_path / "0.tar"
    write_tar(path, captioned(6))
    whole = path.read_bytes()
    with tarfile.open(path) as tar:
        members = tar.getmembers()
    cuts = [members[7].offset_data + 3, members[7].offset + 100, members[7].offset, 3 * 512 + 7]
    for cut in cuts:
        path.write_bytes(whole[:cut])
        *samples, last = read_all(reader_of("WebDataset", path))
        assert len(samples) == (3 if cut > 2000 else 0)
        assert all(isinstance(sample, RawSample) for sample in samples)
        assert told([last])[0].startswith(f"0.tar!{len(samples):03d}: the tar breaks off here: ")


def test_a_header_that_is_damaged_is_no_end(tmp_path: Path) -> None:
    path = tmp_path / "0.tar"
    write_tar(path, captioned(6))
    with tarfile.open(path) as tar:
        at = tar.getmembers()[4].offset
    content = path.read_bytes()
    path.write_bytes(content[:at] + b"\x07" * 512 + content[at + 512 :])
    found = told(read_all(reader_of("WebDataset", path)))
    assert found[0] == "0.tar!000"
    assert found[1].startswith("0.tar!001: the tar breaks off here: ")
    assert len(found) == 2


def test_a_packed_tar_that_is_damaged_is_told(tmp_path: Path) -> None:
    path = tmp_path / "0.tar.gz"
    write_members(path, [("1.txt", b"one"), ("2.txt", bytes(range(256)) * 4000)], "w:gz")
    path.write_bytes(path.read_bytes()[:-400])
    assert any(
        "the tar breaks off here" in line for line in told(read_all(reader_of("WebDataset", path)))
    )


GOOD = [("b.png", picture()), ("b.txt", b"good")]


def test_an_image_larger_than_a_shard_is_passed_over(tmp_path: Path) -> None:
    info = tarfile.TarInfo("a.png")
    info.size = 300_000_000
    write_members(tmp_path / "0.tar", GOOD)
    rest = (tmp_path / "0.tar").read_bytes()
    with (tmp_path / "0.tar").open("wb") as file:
        file.write(info.tobuf())
        file.seek(-(-info.size // 512) * 512, io.SEEK_CUR)  # zeros that the disk does not hold
        file.write(rest)
    broken, good = read_all(reader_of("WebDataset", tmp_path))
    assert told([broken]) == ["0.tar!a: larger than 256,000,000 bytes"]
    assert isinstance(good, RawSample)


def test_a_name_of_gigabytes_is_not_read(tmp_path: Path) -> None:
    header = tarfile.TarInfo("long")
    header.type, header.size = tarfile.GNUTYPE_LONGNAME, 2**32
    write_members(tmp_path / "0.tar", GOOD)
    whole = (tmp_path / "0.tar").read_bytes()
    end = 4 * 512 + -(-len(picture()) // 512) * 512 - 512
    (tmp_path / "0.tar").write_bytes(whole[:end] + header.tobuf() + whole[end:])
    (broken,) = read_all(reader_of("WebDataset", tmp_path))
    assert told([broken]) == ["0.tar!b: the tar breaks off here: a header of 4,294,967,296 bytes"]
