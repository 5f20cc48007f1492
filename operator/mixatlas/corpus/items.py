"""Benchmark items → shards and a manifest a benchmark, with its chance level."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mixatlas.contract.canonical import canonical_json, sha256_hex
from mixatlas.contract.errors import CorpusInvalid
from mixatlas.contract.manifest import (
    BenchmarkEntry,
    BenchmarkManifest,
    ItemRecord,
    ItemShard,
    half_of,
    item_hash,
)
from mixatlas.contract.metrics import Metric
from mixatlas.corpus.chance import KeyItem, chance_level
from mixatlas.corpus.config import BenchmarkConfig
from mixatlas.corpus.external_sort import ExternalSort
from mixatlas.corpus.images import read_again, read_image
from mixatlas.corpus.lines import ItemLine, Placed, read_lines
from mixatlas.corpus.pictures import FolderPictures, Pictures
from mixatlas.corpus.shards import Member, SampleTooLarge, ShardWriter, WrittenShard
from mixatlas.corpus.tokenizing import TextTokenizer
from mixatlas.spec.places import did_you_mean

MIN_HALF = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemRules:
    """What turns a line into an item.

    Args:
        benchmarks: By name.
        tokenizer: Of the answers, for TokenNll's chance level.
        eos: Id of the token that ends an answer.
        shard_bytes: Largest shard.
        seed: Of the shuffle.
    """

    benchmarks: dict[str, BenchmarkConfig]
    tokenizer: TextTokenizer
    eos: int
    shard_bytes: int
    seed: int


def pack_items(
    items: Path, root: Path, scratch: Path, *, rules: ItemRules
) -> tuple[BenchmarkEntry, ...]:
    """Write the shards and the manifest of every benchmark.

    Args:
        items: JSON lines; image paths are relative to its folder.
        root: Folder of the corpus manifest; each benchmark goes to `benchmarks/NAME/`.
        scratch: An empty folder for the sort.
        rules: Benchmarks, tokenizer, sizes and seed.

    Returns:
        Entries for the corpus manifest, sorted by name.

    Raises:
        CorpusInvalid: A line cannot be used, an id occurs twice, a benchmark has no items, or a
            half of it has under 30.
    """
    by_benchmark = ExternalSort(scratch)
    pictures = FolderPictures(items.parent)
    for row in _rows(items, pictures, rules):
        by_benchmark.add(row)
    groups = itertools.groupby(by_benchmark, key=lambda row: row.split(b"\t", 1)[0])
    entries = {}
    for name, rows in groups:
        benchmark = rules.benchmarks[name.decode()]
        entries[benchmark.name] = _write_benchmark(benchmark, rows, pictures, root, rules=rules)
    for name in rules.benchmarks:
        if name not in entries:
            raise CorpusInvalid(f"{items.name}: benchmark {name} has no items")
    return tuple(entries[name] for name in sorted(entries))


def _rows(items: Path, pictures: Pictures, rules: ItemRules) -> Iterator[bytes]:
    """Yield `BENCHMARK<tab>ORDER<tab>{where, paths, hashes, record}` an item, lines in order."""
    seen: dict[tuple[str, str], str] = {}
    for placed in read_lines(items, ItemLine):
        line, where = placed.line, placed.where
        _check(placed, rules.benchmarks)
        names, hashes = [], []
        for index, path in enumerate(line.images):
            field = f"images.{index}: {path}"
            content, suffix = read_image(pictures, path, field=field, where=where)
            names.append(f"{index}.{suffix}")
            hashes.append(sha256_hex(content))
        record = ItemRecord(
            id=line.id or sha256_hex(canonical_json(line.to_plain()))[:16],
            question=line.question,
            answers=line.answers,
            boxes=line.boxes,
            choices=line.choices,
            images=tuple(names),
        )
        first = seen.setdefault((line.benchmark, record.id), where)
        if first != where:
            raise CorpusInvalid(f"id: {record.id!r} is the item of {first}", where=where)
        order = hashlib.sha256(b"%d/" % rules.seed + record.id.encode()).hexdigest()
        payload = canonical_json(
            {
                "where": where,
                "paths": line.images,
                "hashes": hashes,
                "record": record.to_plain(),
            }
        )
        yield b"\t".join((line.benchmark.encode(), order.encode(), payload))


def _check(placed: Placed[ItemLine], benchmarks: dict[str, BenchmarkConfig]) -> None:
    line = placed.line
    benchmark = benchmarks.get(line.benchmark)
    if benchmark is None:
        raise CorpusInvalid(
            f"benchmark: {line.benchmark!r} is not in the configuration",
            hint=did_you_mean(line.benchmark, list(benchmarks)),
            where=placed.where,
        )
    if benchmark.metric is Metric.BOX_IOU:
        wrong = "" if line.boxes else "boxes: BoxIou needs at least one"
    elif not line.answers or not all(line.answers):
        wrong = f"answers: {benchmark.metric} needs text to compare with"
    elif benchmark.metric is Metric.TOKEN_NLL and len(line.answers) > 1:
        wrong = "answers: TokenNll takes exactly one"
    else:
        wrong = ""
    if wrong:
        raise CorpusInvalid(wrong, where=placed.where)


def _write_benchmark(
    benchmark: BenchmarkConfig,
    rows: Iterable[bytes],
    pictures: Pictures,
    root: Path,
    *,
    rules: ItemRules,
) -> BenchmarkEntry:
    home = root / "benchmarks" / benchmark.name
    writer = ShardWriter(home, rules.shard_bytes)
    keys = []
    for row in rows:
        payload = json.loads(row.split(b"\t", 2)[2])
        record = ItemRecord.model_validate(payload["record"])
        images = [
            read_again(pictures, path, sha256=sha256, where=payload["where"])
            for path, sha256 in zip(payload["paths"], payload["hashes"], strict=True)
        ]
        members = [Member(suffix="json", content=record.to_bytes())]
        members += [Member(suffix=n, content=c) for n, c in zip(record.images, images, strict=True)]
        try:
            writer.add(members, tokens=0)
        except SampleTooLarge as error:
            raise CorpusInvalid(str(error), where=payload["where"]) from error
        half = half_of(item_hash(record, images[0] if images else None))
        keys.append(KeyItem(half=half, answers=record.answers, boxes=record.boxes))
    _check_halves(benchmark.name, keys)
    manifest = _manifest(benchmark, keys, writer.close(), home, rules=rules)
    content = manifest.to_bytes()
    path = home / "manifest.json"
    path.write_bytes(content)
    return BenchmarkEntry(
        name=benchmark.name,
        manifest=path.relative_to(root).as_posix(),
        sha256=sha256_hex(content),
    )


def _check_halves(name: str, keys: Sequence[KeyItem]) -> None:
    counts = Counter(key.half for key in keys)
    for half in ("search", "confirm"):
        if counts[half] < MIN_HALF:
            raise CorpusInvalid(
                f"benchmark {name}: {counts[half]} of {len(keys)} items are in its {half} half",
                hint=f"Each half needs {MIN_HALF}; give about {3 * MIN_HALF} items or more.",
            )


def _manifest(
    benchmark: BenchmarkConfig,
    keys: Sequence[KeyItem],
    shards: Sequence[WrittenShard],
    home: Path,
    *,
    rules: ItemRules,
) -> BenchmarkManifest:
    if benchmark.metric is Metric.TOKEN_NLL:
        tokens = rules.tokenizer.encode([key.answers[0] for key in keys])
        keys = [
            KeyItem(half=key.half, tokens=(*ids, rules.eos))
            for key, ids in zip(keys, tokens, strict=True)
        ]
    size = max(rules.tokenizer.vocabulary_size, rules.eos + 1)
    return BenchmarkManifest(
        name=benchmark.name,
        metric=benchmark.metric,
        # Rounded: the last digits of a logarithm depend on the machine, and the digest must not.
        chance=round(chance_level(benchmark.metric, keys, vocabulary_size=size), 9),
        items=len(keys),
        box_pattern=benchmark.box_pattern,
        shards=tuple(
            ItemShard(
                url=shard.path.relative_to(home).as_posix(),
                sha256=shard.sha256,
                items=shard.n_samples,
            )
            for shard in shards
        ),
    )
