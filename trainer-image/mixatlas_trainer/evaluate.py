"""Benchmarks: which items a trial is scored on, their scores, and `items.csv`.

TokenNll teaches the reference answer and takes the mean nats of its tokens, end token included;
the benchmark's value is the mean over items, as in the chance level that the packer computes. The
other metrics compare a greedily generated answer.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from pydantic import ValidationError

from mixatlas.contract.canonical import sha256_hex
from mixatlas.contract.errors import ContractViolation, CorpusInvalid
from mixatlas.contract.manifest import BenchmarkManifest, ItemRecord, Part, half_of, item_hash
from mixatlas.contract.metrics import Metric
from mixatlas.contract.result import ITEMS_HEADER, Score
from mixatlas.contract.trial import BenchmarkRef, TrialFile
from mixatlas_trainer.cache import Cache
from mixatlas_trainer.collate import Collator
from mixatlas_trainer.images import Pixels
from mixatlas_trainer.metrics import check_supported, clustered_sem, score_answer
from mixatlas_trainer.model import ProxyModel
from mixatlas_trainer.objects import ObjectMissing, Objects, resolve
from mixatlas_trainer.shards import OpenShard

MAX_NEW_TOKENS = 512
_SPARE_TOKENS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One item of a benchmark; its image stays in the shard until it is needed."""

    record: ItemRecord
    hash: str
    shard: OpenShard
    index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmark:
    """A benchmark as a trial is scored on it: the items of one half."""

    name: str
    manifest: BenchmarkManifest
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """The scores of a benchmark's items, in the order of its items."""

    benchmark: Benchmark
    scores: tuple[float, ...]

    @property
    def is_finite(self) -> bool:
        """Whether every score is a number."""
        return all(math.isfinite(score) for score in self.scores)

    def summary(self) -> Score:
        """Return the mean with its standard error, clustered by image."""
        manifest = self.benchmark.manifest
        return Score(
            metric=manifest.metric,
            value=math.fsum(self.scores) / len(self.scores),
            sem=clustered_sem(self.scores, [item.hash for item in self.benchmark.items]),
            n=len(self.scores),
            chance=manifest.chance,
        )


def load_benchmarks(trial: TrialFile, objects: Objects, cache: Cache) -> list[Benchmark]:
    """Load what a trial is scored on; nothing where its `part` is none.

    Raises:
        NotYetSupported: A metric that this trainer does not compute.
        ContractViolation: A metric differs from the manifest's.
        CorpusInvalid: A manifest or a shard is missing or damaged, or the half is empty.
    """
    if trial.part == "none":
        return []
    return [_load(ref, trial.part, objects, cache) for ref in trial.benchmarks]


def select_items(shards: Sequence[OpenShard], part: Part, max_items: int | None) -> list[Item]:
    """Return the items of one half, lowest hashes first, at most `max_items`."""
    items: list[Item] = []
    for shard in shards:
        for index in range(len(shard)):
            record = shard.record(index, ItemRecord)
            image = shard.image(index) if record.images else None
            hash_hex = item_hash(record, image)
            if half_of(hash_hex) == part:
                items.append(Item(record=record, hash=hash_hex, shard=shard, index=index))
    items.sort(key=lambda item: (item.hash, item.record.id))
    return items[:max_items]


def items_csv(scored: Sequence[Scored]) -> bytes:
    """Return `items.csv`: benchmark, item, image, score."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(ITEMS_HEADER)
    for result in scored:
        for item, score in zip(result.benchmark.items, result.scores, strict=True):
            writer.writerow((result.benchmark.name, item.record.id, item.hash, repr(score)))
    return text.getvalue().encode()


@final
class Evaluation:
    """Scores benchmarks with a trained model.

    Args:
        model: Put into evaluation mode.
        collator: Lays out questions and images as in training.
        batch: Items of a forward pass.
        between: Called between passes; what it raises ends the evaluation.
    """

    def __init__(
        self, model: ProxyModel, collator: Collator, *, batch: int, between: Callable[[], None]
    ) -> None:
        model.model.eval()
        self._model = model
        self._collator = collator
        self._batch = batch
        self._between = between

    def score(self, benchmark: Benchmark) -> Scored:
        """Score every item of a benchmark.

        Raises:
            CorpusInvalid: An image cannot be read.
            ContractViolation: `sequenceLength` cuts an item's answer or question.
        """
        scores: list[float] = []
        longest = _longest_answer(benchmark, self._collator)
        for items in _chunks(benchmark.items, self._batch):
            self._between()
            pixels = self._pixels(items)
            if benchmark.manifest.metric is Metric.TOKEN_NLL:
                scores += self._nats(benchmark.name, items, pixels)
            else:
                answers = self._answers(benchmark.name, items, pixels, longest)
                scores += [
                    score_answer(benchmark.manifest, item.record, answer)
                    for item, answer in zip(items, answers, strict=True)
                ]
        return Scored(benchmark=benchmark, scores=tuple(scores))

    @torch.inference_mode()
    def _nats(self, name: str, items: Sequence[Item], pixels: list[Pixels]) -> list[float]:
        batch = self._collator.answered([item.record for item in items], pixels)
        if batch.n_cut:
            raise _too_long(name, self._collator.sequence_length)
        losses = self._model.token_losses(batch)
        rows_k = losses.rows_k.cpu()
        nats_n = torch.zeros(len(items), dtype=torch.float64)
        nats_n.index_add_(0, rows_k, losses.nats_k.cpu().double())
        return [float(x) for x in nats_n / torch.bincount(rows_k, minlength=len(items))]

    def _answers(
        self, name: str, items: Sequence[Item], pixels: list[Pixels], max_new_tokens: int
    ) -> list[str]:
        encoder = self._collator.encoder
        prompts = [
            encoder.prompt(item.record.question, n_images=len(item.record.images)) for item in items
        ]
        if max(len(prompt) for prompt in prompts) >= self._collator.sequence_length:
            raise _too_long(name, self._collator.sequence_length)
        return self._model.generate(
            prompts,
            np.stack(pixels) if pixels else None,
            encoder=encoder,
            max_new_tokens=max_new_tokens,
        )

    def _pixels(self, items: Sequence[Item]) -> list[Pixels]:
        decoded = (self._collator.pixels(i.record, i.shard, i.index) for i in items)
        return [image for image in decoded if image is not None]


def _load(ref: BenchmarkRef, part: Part, objects: Objects, cache: Cache) -> Benchmark:
    check_supported(ref.metric)
    try:
        content = objects.read(ref.manifest)
    except ObjectMissing as error:
        raise CorpusInvalid(error.message, hint="Restore the benchmark.") from error
    if sha256_hex(content) != ref.sha256:
        raise CorpusInvalid(f"{ref.manifest} has another sha256 than the trial says")
    try:
        manifest = BenchmarkManifest.model_validate_json(content)
    except ValidationError as error:
        raise CorpusInvalid(f"{ref.manifest} is not a benchmark manifest: {error}") from error
    if manifest.metric is not ref.metric:
        raise ContractViolation(
            f"benchmarks: {ref.name} has the metric {manifest.metric}, not {ref.metric}",
            hint="The metric of a benchmark is its manifest's.",
        )
    shards = []
    for shard in manifest.shards:
        uri = resolve(ref.manifest, shard.url)
        shards.append(OpenShard(cache.open(uri, shard.sha256), uri))
    items = select_items(shards, part, ref.max_items)
    if not items:
        raise CorpusInvalid(f"{ref.manifest} has no items in its {part} half")
    return Benchmark(name=ref.name, manifest=manifest, items=tuple(items))


def _longest_answer(benchmark: Benchmark, collator: Collator) -> int:
    """Return how long an answer may get: twice the longest right one of the half, and a bit."""
    lengths = [collator.encoder.length(a) for i in benchmark.items for a in i.record.answers]
    if benchmark.manifest.metric is Metric.BOX_IOU:
        lengths.append(collator.encoder.length("[999, 999, 999, 999]"))
    return min(MAX_NEW_TOKENS, 2 * max(lengths, default=0) + _SPARE_TOKENS)


def _chunks(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    return (items[start : start + size] for start in range(0, len(items), size))


def _too_long(name: str, limit: int) -> ContractViolation:
    return ContractViolation(
        f"trainer.sequenceLength: {limit} tokens cut items of benchmark {name}",
        hint="Raise it: a cut item cannot be scored.",
    )
