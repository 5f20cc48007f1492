from __future__ import annotations

import json
import os
from pathlib import Path

from mixatlas.contract.manifest import half_of
from mixatlas_trainer.evaluate import Item, select_items
from mixatlas_trainer.shards import OpenShard
from trainer_builders import png, tar_of


def shard_of(tmp_path: Path) -> OpenShard:
    """40 items on 20 images, and 10 items without one."""
    files: list[tuple[str, bytes]] = []
    for number in range(50):
        images = ["0.png"] if number < 40 else []
        item = {"id": f"i{number}", "question": "q", "answers": ["a"], "images": images}
        files.append((f"{number:03d}.json", json.dumps(item).encode()))
        if images:
            files.append((f"{number:03d}.0.png", png((number // 2, 0, 0))))
    path = tmp_path / "x.tar"
    path.write_bytes(tar_of(files))
    return OpenShard(os.open(path, os.O_RDONLY), "x.tar")


def ids(items: list[Item]) -> set[str]:
    return {item.record.id for item in items}


def test_halves_part_the_items_and_share_no_image(tmp_path: Path) -> None:
    shard = shard_of(tmp_path)
    search = select_items([shard], "search", None)
    confirm = select_items([shard], "confirm", None)

    assert ids(search) | ids(confirm) == {f"i{n}" for n in range(50)}
    assert ids(search).isdisjoint(ids(confirm))
    assert {i.hash for i in search}.isdisjoint(i.hash for i in confirm)
    assert all(half_of(item.hash) == "search" for item in search)


def test_fewer_items_are_the_ones_with_the_lowest_hashes(tmp_path: Path) -> None:
    shard = shard_of(tmp_path)
    every = select_items([shard], "search", None)
    few = select_items([shard], "search", 5)

    assert [item.record.id for item in few] == [item.record.id for item in every[:5]]
    assert [item.hash for item in every] == sorted(item.hash for item in every)
