"""Labelled samples and items → one folder: shards, tokenizer, benchmarks and `manifest.json`."""

from __future__ import annotations

import platform
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mixatlas.contract.canonical import canonical_json, sha256_hex
from mixatlas.contract.errors import SpecError
from mixatlas.contract.manifest import BenchmarkEntry, CorpusManifest, Embedding, TokenizerRef
from mixatlas.corpus.atlas import ATLAS, Atlas
from mixatlas.corpus.concepts.concept_map import ConceptMap
from mixatlas.corpus.config import PackConfig
from mixatlas.corpus.items import ItemRules, pack_items
from mixatlas.corpus.labelled import LabelledSample
from mixatlas.corpus.left_out import LeftOut, noting
from mixatlas.corpus.pictures import Pictures
from mixatlas.corpus.samples import HELD_OUT, SampleRules, pack_samples
from mixatlas.corpus.tokenizing import copy_tokenizer, eos_id, load_tokenizer


@dataclass(frozen=True, slots=True, kw_only=True)
class PackReport:
    """What was written.

    Args:
        folder: The corpus.
        manifest: Of it.
        sha256: Of `manifest.json`.
        held_out: Samples in `held-out/`.
        duplicates: Samples that equal another one of their domain.
        overlaps: Samples whose image a benchmark asks about.
        seconds: Wall time.
    """

    folder: Path
    manifest: CorpusManifest
    sha256: str
    held_out: int
    duplicates: int
    overlaps: int
    seconds: float

    @property
    def samples(self) -> int:
        """Samples of the manifest: no duplicates, and none that are held out."""
        return sum(domain.samples for domain in self.manifest.domains)


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """How the samples got their labels.

    Args:
        definition: Tells of a concept how it and the tasks were found; part of a domain's
            definition.
        concepts: The concepts of a model; they are written beside the manifest.
        atlas: What was found on the way to the labels; likewise, with the nearest images.
    """

    definition: Callable[[str], str]
    concepts: ConceptMap | None = None
    atlas: Atlas | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleaning:
    """Which samples are packed although something is noted about them."""

    keeps_duplicates: bool
    keeps_overlaps: bool


def write_corpus(
    out: Path,
    samples: Iterable[LabelledSample],
    pictures: Pictures,
    *,
    settings: PackConfig,
    tokenizer_folder: Path,
    labels: Labels,
    cleaning: Cleaning,
    items: Path | None,
) -> PackReport:
    """Write a corpus folder.

    Equal samples, images, tokenizer and settings give equal bytes, whatever the order of the
    samples; only `build.json` differs. Reads every image twice; memory does not grow with the
    corpus.

    Args:
        out: Folder to make. It appears whole at the end, or not at all.
        samples: Read once.
        pictures: Where their images lie.
        settings: Image tokens, benchmarks, shard size and seed.
        tokenizer_folder: Holds `tokenizer.json`; it is copied.
        labels: How concept and task were found.
        cleaning: What becomes of duplicates and of overlaps with benchmarks.
        items: JSON lines of benchmark items, None without benchmarks.

    Returns:
        The manifest and its digest.

    Raises:
        SpecError: `out` exists, or there is no tokenizer.
        CorpusInvalid: A sample, an image or a benchmark cannot be used.
    """
    begun = time.time()
    with _appearing_whole(out) as root:
        tokenizer = load_tokenizer(tokenizer_folder)
        digest = copy_tokenizer(tokenizer_folder, root / "tokenizer")
        with noting(root / "left-out.jsonl") as left_out, _scratch(root) as scratch:
            rules = SampleRules(
                tokenizer=tokenizer,
                tokenizer_sha256=digest,
                image_tokens=settings.image_tokens,
                labels=labels.definition,
                shard_bytes=settings.shard_bytes,
                seed=settings.seed,
                keeps_duplicates=cleaning.keeps_duplicates,
                note=left_out.duplicate,
            )
            wanted = _without_overlaps(samples, left_out, keeps=cleaning.keeps_overlaps)
            domains = pack_samples(wanted, pictures, root, scratch, rules=rules)
        manifest = CorpusManifest(
            domains=domains.train,
            tokenizer=TokenizerRef(url="tokenizer", sha256=digest),
            image_tokens=settings.image_tokens,
            embedding=_write_concepts(root, labels.concepts) if labels.concepts else None,
            benchmarks=_write_items(items, root, settings, tokenizer_folder) if items else (),
        )
        if domains.held_out:
            copy_tokenizer(tokenizer_folder, root / HELD_OUT / "tokenizer")
            held_out = manifest.model_copy(update={"domains": domains.held_out, "benchmarks": ()})
            (root / HELD_OUT / "manifest.json").write_bytes(held_out.to_bytes())
        if labels.atlas:
            atlas = labels.atlas.model_copy(update={"nearest": domains.nearest})
            (root / ATLAS).write_bytes(atlas.to_bytes())
        content = manifest.to_bytes()
        (root / "manifest.json").write_bytes(content)
        seconds = time.time() - begun
        (root / "build.json").write_bytes(_build_record(begun, seconds))
    return PackReport(
        folder=out,
        manifest=manifest,
        sha256=sha256_hex(content),
        held_out=sum(domain.samples for domain in domains.held_out),
        duplicates=left_out.duplicates,
        overlaps=left_out.overlaps,
        seconds=seconds,
    )


def _without_overlaps(
    samples: Iterable[LabelledSample], left_out: LeftOut, *, keeps: bool
) -> Iterator[LabelledSample]:
    """Yield the samples; those that overlap with a benchmark are noted, and kept or not."""
    for sample in samples:
        if sample.overlap:
            left_out.overlap(sample.where, sample.overlap)
        if keeps or not sample.overlap:
            yield sample


def _write_items(
    items: Path, root: Path, settings: PackConfig, tokenizer_folder: Path
) -> tuple[BenchmarkEntry, ...]:
    tokenizer = load_tokenizer(tokenizer_folder)
    rules = ItemRules(
        benchmarks={benchmark.name: benchmark for benchmark in settings.benchmarks},
        tokenizer=tokenizer,
        eos=eos_id(tokenizer_folder, tokenizer),
        shard_bytes=settings.shard_bytes,
        seed=settings.seed,
    )
    with _scratch(root) as scratch:
        return pack_items(items, root, scratch, rules=rules)


def _write_concepts(root: Path, concepts: ConceptMap) -> Embedding:
    content = concepts.to_bytes()
    (root / "concepts.json").write_bytes(content)
    return Embedding(
        model=concepts.model, revision=concepts.revision, centroids=sha256_hex(content)
    )


def check_place(out: Path, tokenizer_folder: Path) -> None:
    """Check what else would be told after hours of reading.

    Raises:
        SpecError: As `write_corpus`.
    """
    _refuse_existing(out)
    load_tokenizer(tokenizer_folder)


@contextmanager
def _appearing_whole(out: Path) -> Iterator[Path]:
    """Yield a folder beside `out` that takes its name when the block ends well."""
    _refuse_existing(out)
    # One name, not a random one: what a killed pack leaves behind, the next one clears.
    partial = out.parent / f".{out.name}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        yield partial
        partial.rename(out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _refuse_existing(out: Path) -> None:
    if out.exists():
        raise SpecError(f"{out} exists already", hint="Remove it, or name another folder.")


@contextmanager
def _scratch(root: Path) -> Iterator[Path]:
    folder = root / "scratch"
    folder.mkdir()
    yield folder
    shutil.rmtree(folder)


def _build_record(begun: float, seconds: float) -> bytes:
    """Return what differs from build to build, kept out of the manifest."""
    record = {
        "builtAt": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(begun)),
        "host": platform.node(),
        "python": platform.python_version(),
        "seconds": round(seconds, 3),
    }
    return canonical_json(record) + b"\n"
