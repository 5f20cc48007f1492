"""The nearest images of each concept, whatever the order and number of samples."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from mixatlas.contract.canonical import sha256_hex
from mixatlas.contract.manifest import Turn
from mixatlas.corpus.config import PackConfig
from mixatlas.corpus.labelled import LabelledSample
from mixatlas.corpus.nearest import N_NEAREST, NearImage
from mixatlas.corpus.pictures import FolderPictures
from mixatlas.corpus.samples import PackedDomains, SampleRules, pack_samples
from mixatlas.corpus.showcase import nearest_samples
from mixatlas.corpus.tokenizing import load_tokenizer
from raw_corpus import png, write_tokenizer


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_tokenizer(tmp_path / "tokenizer")
    for number in range(60):
        (tmp_path / f"{number}.png").write_bytes(png((number, 7, 9)))
    return tmp_path


def a_sample(number: int, task: str = "vqa", **changes: object) -> LabelledSample:
    """Return a sample whose cosine is smaller for larger numbers."""
    whole: dict[str, object] = {
        "where": str(number),
        "turns": (Turn(question="what is it ?", answer="square"),),
        "images": (f"{number}.png",),
        "concept": "red" if number % 2 else "blue",
        "task": task,
        "source": "",
        "identity": f"{number}.{task}".encode(),
        "cosine": round(1 - number / 100, 6),
    }
    return LabelledSample(**(whole | changes))  # type: ignore[arg-type]  # a builder


def packed(folder: Path, samples: list[LabelledSample], shard_bytes: int = 20_480) -> PackedDomains:
    (folder / "scratch").mkdir(parents=True)
    settings = PackConfig(tokenizer="tokenizer", image_tokens=4)
    rules = SampleRules(
        tokenizer=load_tokenizer(folder.parent / "tokenizer"),
        tokenizer_sha256="0" * 64,
        image_tokens=settings.image_tokens,
        labels=lambda concept: concept,
        shard_bytes=shard_bytes,
        seed=0,
        keeps_duplicates=False,
        note=lambda where, why: None,
    )
    pictures = FolderPictures(folder.parent)
    return pack_samples(samples, pictures, folder, folder / "scratch", rules=rules)


def numbers(nearest: tuple[NearImage, ...]) -> list[int]:
    return [round(100 * (1 - image.cosine)) for image in nearest]


def test_the_nearest_are_found_in_any_order(folder: Path) -> None:
    samples = [a_sample(number) for number in range(60)]
    first = packed(folder / "first", samples)
    random.Random(0).shuffle(samples)
    assert packed(folder / "second", samples).nearest == first.nearest
    assert numbers(first.nearest["blue"]) == list(range(0, 2 * N_NEAREST, 2))
    assert numbers(first.nearest["red"]) == list(range(1, 2 * N_NEAREST, 2))


def test_each_place_holds_a_sample_of_its_image(folder: Path) -> None:
    found = packed(folder / "out", [a_sample(number) for number in range(60)])
    assert len(found.train[0].shards) > 1
    for nearest in found.nearest.values():
        samples = nearest_samples(folder / "out", nearest)
        assert [sha256_hex(sample.images[0]) for sample in samples] == [n.image for n in nearest]


def test_a_caption_of_the_image_is_preferred(folder: Path) -> None:
    tasks = ("vqa", "caption", "classification", "ocr")
    samples = [a_sample(number, task) for number in range(6) for task in tasks]
    samples += [a_sample(number, "vqa") for number in range(6, 8)]
    found = packed(folder / "out", samples).nearest["blue"]
    assert numbers(found) == [0, 2, 4, 6]  # an image of several samples counts once
    cells = [near.shard.split("/")[1] for near in found]
    assert cells == ["blue.caption"] * 3 + ["blue.vqa"]


def test_only_what_is_trained_on_counts(folder: Path) -> None:
    samples = [a_sample(0, is_held_out=True), a_sample(2), a_sample(4, cosine=None), a_sample(6)]
    found = packed(folder / "out", samples)
    assert numbers(found.nearest["blue"]) == [2, 6]
    assert set(found.nearest) == {"blue"}
