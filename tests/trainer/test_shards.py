from __future__ import annotations

import io
import json
import os
import tarfile
from pathlib import Path
from typing import Any

import pytest

from mixatlas.contract.errors import CorpusInvalid
from mixatlas.contract.manifest import SampleRecord
from mixatlas_trainer.shards import OpenShard
from trainer_builders import tar_of

RECORD = {
    "turns": [{"question": "q", "answer": "a"}],
    "images": ["0.png"],
    "task": "vqa",
    "concept": "photo",
    "tokens": 3,
    "supervisedTokens": 1,
}


def open_shard(tmp_path: Path, content: bytes) -> OpenShard:
    path = tmp_path / "x.tar"
    path.write_bytes(content)
    return OpenShard(os.open(path, os.O_RDONLY), "x.tar")


def tar_with(info: tarfile.TarInfo, content: bytes = b"") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        info.size = len(content)
        tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


def a_member(name: str, **fields: Any) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    for field, value in fields.items():
        setattr(info, field, value)
    return info


def test_samples_are_found_with_their_images(tmp_path: Path) -> None:
    text_only = RECORD | {"images": []}
    shard = open_shard(
        tmp_path,
        tar_of(
            [
                ("000.json", json.dumps(RECORD).encode()),
                ("000.0.png", b"first image"),
                ("001.json", json.dumps(text_only).encode()),
                ("002.0.png", b"third image"),  # the order inside a sample does not matter
                ("002.json", json.dumps(RECORD).encode()),
            ]
        ),
    )

    assert len(shard) == 3
    assert shard.record(2, SampleRecord).turns[0].answer == "a"
    assert [shard.image(0), shard.image(2)] == [b"first image", b"third image"]
    with pytest.raises(CorpusInvalid, match=r"sample 1 of x.tar lacks the image"):
        shard.image(1)


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT], ids=["pax", "gnu"])
def test_long_names_of_both_dialects_are_read(tmp_path: Path, form: int) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as tar:
        for name, content in ((f"{'k' * 150}.json", b"{}"), (f"{'k' * 150}.0.png", b"image")):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))

    shard = open_shard(tmp_path, out.getvalue())

    assert len(shard) == 1
    assert shard.image(0) == b"image"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (tar_with(a_member("/etc/cron.json")), "leaves the shard"),
        (tar_with(a_member("a/../../x.json")), "leaves the shard"),
        (tar_with(a_member("x.json", type=tarfile.SYMTYPE, linkname="/etc/passwd")), "a link"),
        (tar_with(a_member("x.json", type=tarfile.LNKTYPE, linkname="y")), "a link"),
        (tar_with(a_member("x.json", type=tarfile.CHRTYPE)), "a device"),
        (tar_with(a_member("x.json", type=tarfile.FIFOTYPE)), "a device"),
        (tar_with(a_member("x.json", pax_headers={"linkpath": "/etc/passwd"})), "linkpath"),
        (tar_of([("x.0.png", b"image")]), "x has no x.json"),
        (tar_of([("x.json", b"y" * 2000)])[:1024], "ends inside a member"),
        (b"GIF89a" * 200, "not a ustar archive"),
    ],
    ids=[
        "absolute",
        "dots",
        "symlink",
        "hardlink",
        "device",
        "fifo",
        "pax",
        "orphan",
        "cut",
        "gif",
    ],
)
def test_malicious_and_broken_archives_are_refused(
    tmp_path: Path, content: bytes, message: str
) -> None:
    with pytest.raises(CorpusInvalid, match=message):
        open_shard(tmp_path, content)


def test_a_broken_record_names_its_place_and_field(tmp_path: Path) -> None:
    record = RECORD | {"tokens": 0}
    shard = open_shard(tmp_path, tar_of([("0.json", json.dumps(record).encode())]))

    with pytest.raises(CorpusInvalid, match=r"sample 0 of x.tar: tokens: .*greater than 0"):
        shard.record(0, SampleRecord)


def test_the_file_is_closed_with_the_shard(tmp_path: Path) -> None:
    path = tmp_path / "x.tar"
    path.write_bytes(tar_of([("0.json", b"{}")]))
    descriptor = os.open(path, os.O_RDONLY)
    shard = OpenShard(descriptor, "x.tar")
    del shard

    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)
