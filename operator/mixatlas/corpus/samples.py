"""Labelled samples → domains: checked, counted and sorted first, written to shards after."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mixatlas.contract.canonical import canonical_json, sha256_hex
from mixatlas.contract.errors import CorpusInvalid
from mixatlas.contract.manifest import Domain, SampleRecord, Shard
from mixatlas.corpus.external_sort import ExternalSort
from mixatlas.corpus.images import read_again, read_image
from mixatlas.corpus.labelled import LabelledSample
from mixatlas.corpus.nearest import Nearest, NearImage
from mixatlas.corpus.pictures import Pictures
from mixatlas.corpus.shards import Member, SampleTooLarge, ShardWriter, WrittenShard
from mixatlas.corpus.tokenizing import TextTokenizer

_CHUNK = 128  # lines tokenized at a time; a line may have megabytes
MAX_DOMAINS = 128
HELD_OUT = "held-out"
_TRAIN, _HELD_OUT = b"0", b"1"


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleRules:
    """What turns a line into a sample.

    Args:
        tokenizer: Counts text tokens.
        tokenizer_sha256: Of its folder; part of each domain's definition.
        image_tokens: Manifest tokens of one image.
        labels: Tells of a concept how it and the tasks were found; part of a domain's definition.
        shard_bytes: Largest shard.
        seed: Of the shuffle.
        keeps_duplicates: Whether all of samples with equal `identity` are kept, or the first.
        note: Takes the place of each further one, and what it is.
    """

    tokenizer: TextTokenizer
    tokenizer_sha256: str
    image_tokens: int
    labels: Callable[[str], str]
    shard_bytes: int
    seed: int
    keeps_duplicates: bool
    note: Callable[[str, str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedDomains:
    """What was written: domains to train on, and what of each is held out.

    `nearest`: of those to train on, the images nearest to each concept that has a vector.
    """

    train: tuple[Domain, ...]
    held_out: tuple[Domain, ...]
    nearest: dict[str, tuple[NearImage, ...]]


def pack_samples(
    samples: Iterable[LabelledSample],
    pictures: Pictures,
    root: Path,
    scratch: Path,
    *,
    rules: SampleRules,
) -> PackedDomains:
    """Write the shards of every domain, and of what is held out of it.

    The order inside a domain is that of SHA-256(seed, sample): it depends on what is packed,
    never on the order of the samples, so that appending keeps nothing together that came together.

    Args:
        samples: In any order; read once.
        pictures: Where their images lie; read twice.
        root: Folder of the manifest; shards go to `shards/DOMAIN/`, those that are held out to
            `held-out/shards/DOMAIN/`.
        scratch: An empty folder for the sort.
        rules: Tokenizer, sizes and seed.

    Returns:
        The domains and what is held out, sorted by name.

    Raises:
        CorpusInvalid: A sample or an image cannot be used, with its place, or there are none.
    """
    by_domain, nearest = ExternalSort(scratch), Nearest()
    for row in _rows(samples, pictures, nearest, rules=rules):
        by_domain.add(row)
    domains: dict[bytes, list[Domain]] = {_TRAIN: [], _HELD_OUT: []}
    for (split, name), rows in itertools.groupby(
        by_domain, key=lambda row: row.split(b"\t", 2)[:2]
    ):
        folder = root if split == _TRAIN else root / HELD_OUT
        domain = _write_domain(name.decode(), rows, pictures, nearest, folder, rules=rules)
        domains[split].append(domain)
    n_domains = len(domains[_TRAIN])
    if not n_domains:
        raise CorpusInvalid("there are no samples", hint="Give at least one.")
    if n_domains > MAX_DOMAINS:
        raise CorpusInvalid(f"{n_domains} domains", hint=f"At most {MAX_DOMAINS} are possible.")
    # Rows are sorted as bytes with a tab after the name; names alone sort otherwise.
    train, held_out = (
        tuple(sorted(domains[split], key=lambda domain: domain.name))
        for split in (_TRAIN, _HELD_OUT)
    )
    return PackedDomains(train=train, held_out=held_out, nearest=nearest.images(train))


def _rows(
    samples: Iterable[LabelledSample], pictures: Pictures, nearest: Nearest, *, rules: SampleRules
) -> Iterator[bytes]:
    """Yield `SPLIT<tab>DOMAIN<tab>ORDER<tab>{where, paths, hashes, record}` a sample."""
    following = iter(samples)
    while chunk := list(itertools.islice(following, _CHUNK)):
        checked = _records(chunk, pictures, rules)
        for sample, (record, hashes) in zip(chunk, checked, strict=True):
            if sample.cosine is not None and not sample.is_held_out:
                nearest.offer(sample.concept, hashes[0], sample.cosine)
            order = hashlib.sha256(b"%d/" % rules.seed + sample.identity).hexdigest()
            payload = canonical_json(
                {
                    "where": sample.where,
                    "paths": sample.images,
                    "hashes": hashes,
                    "record": record.to_plain(),
                }
            )
            split = _HELD_OUT if sample.is_held_out else _TRAIN
            yield b"\t".join((split, sample.domain.encode(), order.encode(), payload))


def _records(
    chunk: Sequence[LabelledSample], pictures: Pictures, rules: SampleRules
) -> Iterator[tuple[SampleRecord, list[str]]]:
    """Yield the record of each sample and the hashes of its images."""
    turns = [turn for sample in chunk for turn in sample.turns]
    questions = iter(rules.tokenizer.encode([turn.question for turn in turns]))
    answers = iter(rules.tokenizer.encode([turn.answer for turn in turns]))
    for sample in chunk:
        n_turns = len(sample.turns)
        n_question = sum(len(ids) for ids in itertools.islice(questions, n_turns))
        n_answers = [len(ids) for ids in itertools.islice(answers, n_turns)]
        if 0 in n_answers:
            raise CorpusInvalid("an answer has no tokens", where=sample.where)
        names, hashes = [], []
        for index, reference in enumerate(sample.images):
            field = f"images.{index}: {reference}"
            content, suffix = read_image(pictures, reference, field=field, where=sample.where)
            names.append(f"{index}.{suffix}")
            hashes.append(sha256_hex(content))
        record = SampleRecord(
            turns=sample.turns,
            images=tuple(names),
            task=sample.task,
            concept=sample.concept,
            source=sample.source,
            tokens=n_question + sum(n_answers) + rules.image_tokens * len(names),
            supervised_tokens=sum(n_answers),
        )
        yield record, hashes


def _write_domain(
    name: str,
    rows: Iterator[bytes],
    pictures: Pictures,
    nearest: Nearest,
    root: Path,
    *,
    rules: SampleRules,
) -> Domain:
    writer = ShardWriter(root / "shards" / name, rules.shard_bytes)
    supervised = 0
    last: tuple[bytes, str] | None = None
    for row in rows:
        _, _, order, content = row.split(b"\t", 3)
        payload = json.loads(content)
        if last is not None and order == last[0]:
            rules.note(payload["where"], f"a duplicate of {last[1]}")
            if not rules.keeps_duplicates:
                continue
        else:
            last = order, payload["where"]
        record = SampleRecord.model_validate(payload["record"])
        members = [Member(suffix="json", content=record.to_bytes())]
        images = zip(payload["paths"], payload["hashes"], record.images, strict=True)
        for path, sha256, image in images:
            content = read_again(pictures, path, sha256=sha256, where=payload["where"])
            members.append(Member(suffix=image, content=content))
        try:
            place = writer.add(members, tokens=record.tokens)
        except SampleTooLarge as error:
            raise CorpusInvalid(str(error), where=payload["where"]) from error
        supervised += record.supervised_tokens
        if payload["hashes"]:
            nearest.place(record, payload["hashes"][0], place)
    concept, task = name.split(".")
    return _domain(concept, task, writer.close(), root, supervised=supervised, rules=rules)


def _domain(
    concept: str,
    task: str,
    shards: Sequence[WrittenShard],
    root: Path,
    *,
    supervised: int,
    rules: SampleRules,
) -> Domain:
    definition = {
        "concept": concept,
        "task": task,
        "labels": rules.labels(concept),
        "tokenizer": rules.tokenizer_sha256,
        "imageTokens": rules.image_tokens,
    }
    return Domain.model_validate(
        {
            "name": f"{concept}.{task}",
            "definition": sha256_hex(canonical_json(definition)),
            "content": sha256_hex(canonical_json([shard.sha256 for shard in shards])),
            "concept": concept,
            "task": task,
            "samples": sum(shard.n_samples for shard in shards),
            "tokens": sum(shard.tokens for shard in shards),
            "supervisedTokens": supervised,
            "shards": tuple(
                Shard(
                    url=shard.path.relative_to(root).as_posix(),
                    sha256=shard.sha256,
                    bytes=shard.n_bytes,
                    samples=shard.n_samples,
                    tokens=shard.tokens,
                )
                for shard in shards
            ),
        }
    )
