"""Pools → raw files, as anybody would bring them to `mixatlas corpus build` and `corpus pack`."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path

import numpy as np

from demo_corpus.canvas import Sample
from demo_corpus.domains import BASE_POOLS, BENCHMARK_POOLS, SEARCH_POOLS, Pool
from demo_corpus.formats import write_sources
from demo_corpus.sources import Stock, load_stocks
from demo_corpus.vocabulary import vocabulary, write_tokenizer

MAX_QUESTION_WORDS, MAX_ANSWER_WORDS = 8, 18
_SAMPLES_A_TASK = 1000
SOURCES = "openmoji, fontawesomefree, scikit-learn, vega-datasets"


def build(out: Path, *, processes: int) -> None:
    """Write both corpora's raw files.

    Args:
        out: Folder for `tokenizer/`; `search/` with a source a concept and the benchmarks'
            `items.jsonl`; `base/samples.jsonl`; and images. It appears whole at the end; one that
            is there is left as it is.
        processes: Number of workers. The files do not depend on it.
    """
    if out.exists():
        return
    partial = out.with_name(f".{out.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    write_tokenizer(partial / "tokenizer", vocabulary(_stocks()[0]))
    with ProcessPoolExecutor(processes) as workers:
        for file, kind, pools in (
            ("search/samples.jsonl", "sample", SEARCH_POOLS),
            ("search/items.jsonl", "item", BENCHMARK_POOLS),
            ("base/samples.jsonl", "sample", BASE_POOLS),
        ):
            path = partial / file
            path.parent.mkdir(parents=True, exist_ok=True)
            write = _write_items if kind == "item" else _write_samples
            tasks = list(_tasks(pools, path.parent))
            with path.open("wb") as lines:
                lines.writelines(workers.map(write, *zip(*tasks, strict=True)))
    write_sources(partial / "search")
    partial.rename(out)


def draw_samples(pool: Pool, stock: Stock, indices: Iterable[int]) -> Iterator[Sample]:
    """Draw samples of a pool; each depends on its own number alone."""
    for index in indices:
        sample = pool.draw(stock, np.random.default_rng([*pool.stream, index]))
        yield Sample(
            image=sample.image,
            question=sample.question[:MAX_QUESTION_WORDS],
            answer=sample.answer[:MAX_ANSWER_WORDS],
        )


@cache
def _stocks() -> tuple[Stock, Stock]:
    """Read the sources once a process."""
    return load_stocks()


_POOLS = (*SEARCH_POOLS, *BENCHMARK_POOLS, *BASE_POOLS)
_NUMBER_OF = {pool.stream: number for number, pool in enumerate(_POOLS)}


def _tasks(pools: Sequence[Pool], folder: Path) -> Iterator[tuple[int, range, Path]]:
    """Cut pools into work for one process each; a pool goes by number, as it cannot be pickled."""
    for pool in pools:
        for start in range(0, pool.size, _SAMPLES_A_TASK):
            indices = range(start, min(start + _SAMPLES_A_TASK, pool.size))
            yield _NUMBER_OF[pool.stream], indices, folder


def _write_samples(number: int, indices: range, folder: Path) -> bytes:
    """Write images of a domain and return the lines."""
    pool, (training, _) = _POOLS[number], _stocks()
    concept, task = pool.name.split(".")
    lines = []
    for index, sample in zip(indices, draw_samples(pool, training, indices), strict=True):
        line = {
            "images": [_save(sample, pool, index, folder)],
            "question": " ".join(sample.question),
            "answer": " ".join(sample.answer),
            "concept": concept,
            "task": task,
            "source": SOURCES,
        }
        lines.append(json.dumps(line).encode() + b"\n")
    return b"".join(lines)


def _write_items(number: int, indices: range, folder: Path) -> bytes:
    """Write images of a benchmark and return the lines."""
    pool, (_, held_out) = _POOLS[number], _stocks()
    lines = []
    for index, sample in zip(indices, draw_samples(pool, held_out, indices), strict=True):
        line = {
            "benchmark": pool.name,
            "images": [_save(sample, pool, index, folder)],
            "question": " ".join(sample.question),
            "answers": [" ".join(sample.answer)],
            "id": f"{pool.name}-{index:04d}",
        }
        lines.append(json.dumps(line).encode() + b"\n")
    return b"".join(lines)


def _save(sample: Sample, pool: Pool, index: int, folder: Path) -> str:
    """Write one image and return its path for the line."""
    relative = f"images/{pool.name}/{index:05d}.png"
    path = folder / relative
    if index % _SAMPLES_A_TASK == 0:
        path.parent.mkdir(parents=True, exist_ok=True)
    # The default level's files are a fifth smaller and take three times as long.
    sample.image.save(path, compress_level=1)
    return relative
