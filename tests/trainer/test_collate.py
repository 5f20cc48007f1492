from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from mixatlas.contract.errors import CorpusInvalid
from mixatlas.contract.manifest import ItemRecord, SampleRecord
from mixatlas_trainer.collate import Collator
from mixatlas_trainer.shards import OpenShard
from mixatlas_trainer.stream import Sample
from mixatlas_trainer.text import IGNORED, TextEncoder
from trainer_builders import EDGE, png, tar_of, write_tokenizer


def record(question: str, answer: str, images: list[str]) -> dict[str, Any]:
    return {
        "turns": [{"question": question, "answer": answer}],
        "images": images,
        "task": "vqa",
        "concept": "photo",
        "tokens": 9,
        "supervisedTokens": 1,
    }


def samples_of(tmp_path: Path, *records: dict[str, Any]) -> list[Sample]:
    files: list[tuple[str, bytes]] = []
    for number, told in enumerate(records):
        files.append((f"{number}.json", json.dumps(told).encode()))
        if told["images"]:
            files.append((f"{number}.0.png", png((number, 0, 0))))
    path = tmp_path / "x.tar"
    path.write_bytes(tar_of(files))
    shard = OpenShard(os.open(path, os.O_RDONLY), "x.tar")
    return [
        Sample(domain=4 + n, record=shard.record(n, SampleRecord), shard=shard, index=n)
        for n in range(len(records))
    ]


def collator(tmp_path: Path, sequence_length: int = 64) -> Collator:
    write_tokenizer(tmp_path / "tokenizer")
    encoder = TextEncoder(tmp_path / "tokenizer", 4)
    return Collator(encoder, sequence_length=sequence_length, image_size=EDGE)


def test_short_samples_are_padded_on_the_right(tmp_path: Path) -> None:
    batch = collator(tmp_path).samples(
        samples_of(
            tmp_path,
            record("what is it", "red light", ["0.png"]),
            record("where", "dark", []),
        )
    )

    assert batch.ids_nl.shape == batch.labels_nl.shape == (2, 11)
    assert batch.ids_nl[1].tolist()[4:] == [0] * 7
    assert (batch.labels_nl != IGNORED).sum(1).tolist() == [3, 2]
    assert batch.labels_nl[0, -3:].tolist() == batch.ids_nl[0, -3:].tolist()
    assert batch.pixels_m is not None
    assert batch.pixels_m.shape == (1, 3, EDGE, EDGE)
    assert batch.domains_n.tolist() == [4, 5]
    assert dict(batch.n_supervised) == {4: 3, 5: 2}
    assert batch.n_positions == 11 + 4
    assert batch.n_cut == 0


def test_long_samples_are_cut_with_their_labels(tmp_path: Path) -> None:
    batch = collator(tmp_path, 9).samples(
        samples_of(tmp_path, record("what is it", "red light dark", ["0.png"]))
    )

    assert batch.ids_nl.shape == (1, 9)
    assert dict(batch.n_supervised) == {4: 1}
    assert batch.n_cut == 1


def test_a_batch_without_images_has_no_pixels(tmp_path: Path) -> None:
    batch = collator(tmp_path).samples(samples_of(tmp_path, record("where", "dark", [])))

    assert batch.pixels_m is None


def test_several_images_in_a_sample_are_refused(tmp_path: Path) -> None:
    samples = samples_of(tmp_path, record("where", "dark", ["0.png", "1.png"]))

    with pytest.raises(CorpusInvalid, match=r"sample 0 of x.tar has 2 images"):
        collator(tmp_path).samples(samples)


def test_items_are_taught_their_first_answer(tmp_path: Path) -> None:
    items = [
        ItemRecord(id="a", question="where", answers=("dark", "light")),
        ItemRecord(id="b", question="where", answers=("red light",)),
    ]
    batch = collator(tmp_path).answered(items, [])

    assert (batch.labels_nl != IGNORED).sum(1).tolist() == [2, 3]
