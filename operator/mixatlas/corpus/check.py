"""Is a packed corpus what its manifest says? Every checksum, count and member."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from pydantic import ValidationError

from mixatlas.contract.canonical import Record, sha256_hex
from mixatlas.contract.errors import CorpusInvalid
from mixatlas.contract.manifest import (
    BenchmarkEntry,
    BenchmarkManifest,
    CorpusManifest,
    Domain,
    ItemRecord,
    Part,
    SampleRecord,
    Shard,
    file_list_digest,
    half_of,
    item_hash,
)
from mixatlas.contract.metrics import Metric
from mixatlas.contract.urls import join
from mixatlas.corpus.members import Broken, read_members
from mixatlas.corpus.tokenizing import TextTokenizer


class Source(Protocol):
    """Where objects are read from: an S3 store, or files."""

    def get(self, uri: str) -> bytes | None:
        """Return an object, or None when there is none."""
        ...

    def list(self, prefix: str) -> list[str]:
        """Return the URIs of all objects below a prefix."""
        ...


class Files:
    """Reads plain paths: the `Source` of a corpus folder."""

    def get(self, uri: str) -> bytes | None:
        """Return a file's content, or None when there is none."""
        path = Path(uri)
        return path.read_bytes() if path.is_file() else None

    def list(self, prefix: str) -> list[str]:
        """Return the paths of all files below a folder."""
        return [path.as_posix() for path in Path(prefix).rglob("*") if path.is_file()]


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainRow:
    """One domain in numbers. `share` is its natural weight, 0 to 1."""

    name: str
    samples: int
    tokens: int
    supervised_tokens: int
    share: float
    shards: int
    n_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkRow:
    """One benchmark in numbers: items of each half, and the level of chance."""

    name: str
    metric: Metric
    chance: float
    search: int
    confirm: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckReport:
    """What a corpus holds, and what is wrong with it: `problems` is empty if nothing is."""

    uri: str
    sha256: str
    image_tokens: int
    domains: tuple[DomainRow, ...]
    benchmarks: tuple[BenchmarkRow, ...]
    problems: tuple[str, ...]


RecordT = TypeVar("RecordT", bound=Record)


def check(uri: str, store: Source | None = None) -> CheckReport:
    """Verify a corpus: checksums, sizes, counts, tokens, tar members, image headers.

    Args:
        uri: `s3://…/manifest.json`, a manifest's path, or a corpus folder.
        store: Reads `s3://` URIs; files need none.

    Returns:
        Tables of domains and benchmarks, with every problem found.

    Raises:
        CorpusInvalid: There is no manifest, or it cannot be read at all.

    Cost:
        Reads the whole corpus once, one shard in memory at a time. Blocks.
    """
    source = store if uri.startswith("s3://") else Files()
    if source is None:
        raise ValueError("an s3:// URI needs a store")
    manifest_uri = uri if uri.endswith(".json") else f"{uri.rstrip('/')}/manifest.json"
    content = source.get(manifest_uri)
    if content is None:
        raise CorpusInvalid(f"{manifest_uri}: no such manifest", hint="Pack a corpus first.")
    try:
        manifest = CorpusManifest.model_validate_json(content)
    except ValidationError as error:
        raise CorpusInvalid(f"{manifest_uri}: {_first(error)}", hint="Pack it again.") from error
    checker = _Checker(source, manifest_uri, manifest)
    total = sum(domain.tokens for domain in manifest.domains)
    return CheckReport(
        uri=manifest_uri,
        sha256=sha256_hex(content),
        image_tokens=manifest.image_tokens,
        domains=tuple(checker.domain(domain, total) for domain in manifest.domains),
        benchmarks=tuple(checker.benchmarks()),
        problems=tuple(checker.problems),
    )


class _Checker:
    """Walks a manifest and notes every problem."""

    def __init__(self, source: Source, uri: str, manifest: CorpusManifest) -> None:
        self._source = source
        self._uri = uri
        self._manifest = manifest
        self.problems: list[str] = []
        self._tokenizer = self._read_tokenizer()

    def domain(self, domain: Domain, total: int) -> DomainRow:
        """Verify the shards of a domain."""
        for shard in domain.shards:
            self._shard(domain, shard)
        sums = {"samples": domain.samples, "tokens": domain.tokens}
        for field, expected in sums.items():
            found = sum(getattr(shard, field) for shard in domain.shards)
            self._compare(f"{domain.name}: {field}", expected, found)
        return DomainRow(
            name=domain.name,
            samples=domain.samples,
            tokens=domain.tokens,
            supervised_tokens=domain.supervised_tokens,
            share=domain.tokens / total,
            shards=len(domain.shards),
            n_bytes=sum(shard.bytes for shard in domain.shards),
        )

    def benchmarks(self) -> Iterator[BenchmarkRow]:
        """Verify the benchmarks that the corpus carries."""
        for entry in self._manifest.benchmarks:
            manifest = self._benchmark_manifest(entry)
            if manifest is not None:
                halves = self._items(entry, manifest)
                yield BenchmarkRow(
                    name=entry.name,
                    metric=manifest.metric,
                    chance=manifest.chance,
                    search=halves.count("search"),
                    confirm=halves.count("confirm"),
                )

    def _shard(self, domain: Domain, shard: Shard) -> None:
        content = self._verified(self._uri, shard.url, shard.sha256)
        if content is None:
            return
        self._compare(f"{shard.url}: bytes", shard.bytes, len(content))
        samples = tokens = 0
        for record, _ in self._members(shard.url, content, SampleRecord):
            samples += 1
            tokens += record.tokens
            if f"{record.concept}.{record.task}" != domain.name:
                self.problems.append(
                    f"{shard.url}: a sample of {record.concept}.{record.task} in {domain.name}"
                )
            self._count(shard.url, record)
        self._compare(f"{shard.url}: samples", shard.samples, samples)
        self._compare(f"{shard.url}: tokens", shard.tokens, tokens)

    def _count(self, url: str, record: SampleRecord) -> None:
        if self._tokenizer is None:
            return
        answers = self._tokenizer.encode([turn.answer for turn in record.turns])
        questions = self._tokenizer.encode([turn.question for turn in record.turns])
        supervised = sum(map(len, answers))
        images = self._manifest.image_tokens * len(record.images)
        self._compare(f"{url}: supervised tokens", record.supervised_tokens, supervised)
        found = supervised + sum(map(len, questions)) + images
        self._compare(f"{url}: tokens of a sample", record.tokens, found)

    def _items(self, entry: BenchmarkEntry, manifest: BenchmarkManifest) -> list[Part]:
        halves: list[Part] = []
        uri = join(self._uri, entry.manifest)
        for shard in manifest.shards:
            content = self._verified(uri, shard.url, shard.sha256)
            if content is None:
                continue
            before = len(halves)
            for record, images in self._members(shard.url, content, ItemRecord):
                halves.append(half_of(item_hash(record, images[0] if images else None)))
            found = len(halves) - before
            self._compare(f"{entry.name}: {shard.url}: items", shard.items, found)
        self._compare(f"{entry.name}: items", manifest.items, len(halves))
        return halves

    def _members(
        self, url: str, content: bytes, model: type[RecordT]
    ) -> Iterator[tuple[RecordT, list[bytes]]]:
        try:
            yield from read_members(content, model)
        except Broken as error:
            self.problems.append(f"{url}: {error}")

    def _benchmark_manifest(self, entry: BenchmarkEntry) -> BenchmarkManifest | None:
        content = self._verified(self._uri, entry.manifest, entry.sha256)
        return self._parsed(
            f"{entry.name}: {entry.manifest}",
            lambda: BenchmarkManifest.model_validate_json(content) if content else None,
        )

    def _read_tokenizer(self) -> TextTokenizer | None:
        """Verify the tokenizer's folder and return what counts tokens, if it can be read."""
        folder = f"{join(self._uri, self._manifest.tokenizer.url)}/"
        files = {
            uri.removeprefix(folder): self._source.get(uri) or b""
            for uri in self._source.list(folder)
        }
        digest = file_list_digest({path: sha256_hex(content) for path, content in files.items()})
        if digest != self._manifest.tokenizer.sha256:
            self.problems.append("tokenizer: its files are not those of the manifest")
        try:
            return TextTokenizer(files.get("tokenizer.json", b""), "tokenizer/tokenizer.json")
        except CorpusInvalid as error:
            self.problems.append(error.message)
            return None

    def _verified(self, manifest_uri: str, url: str, sha256: str) -> bytes | None:
        """Return an object if it is the one that a manifest names."""
        try:
            content = self._source.get(join(manifest_uri, url))
        except ValueError as error:
            self.problems.append(str(error))
            return None
        if content is None:
            self.problems.append(f"{url}: missing")
        elif sha256_hex(content) != sha256:
            self.problems.append(f"{url}: its SHA-256 is not the manifest's")
        else:
            return content
        return None

    def _parsed(
        self, what: str, parse: Callable[[], BenchmarkManifest | None]
    ) -> BenchmarkManifest | None:
        try:
            return parse()
        except ValidationError as error:
            self.problems.append(f"{what}: {_first(error)}")
            return None

    def _compare(self, what: str, expected: int, found: int) -> None:
        if expected != found:
            self.problems.append(f"{what}: {found:,}, but the manifest says {expected:,}")


def _first(error: ValidationError) -> str:
    details = error.errors()[0]
    path = ".".join(str(part) for part in details["loc"])
    return f"{path}: {details['msg']}" if path else details["msg"]
