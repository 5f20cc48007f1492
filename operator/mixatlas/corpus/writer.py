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
from mixatlas.corpus.concepts.concept_map import ConceptMap
from mixatlas.corpus.config import PackConfig
from mixatlas.corpus.items import ItemRules, pack_items
from mixatlas.corpus.labelled import LabelledSample
from mixatlas.corpus.pictures import Pictures
from mixatlas.corpus.samples import SampleRules, pack_samples
from mixatlas.corpus.tokenizing import copy_tokenizer, eos_id, load_tokenizer


@dataclass(frozen=True, slots=True, kw_only=True)
class PackReport:
    """What was written. `sha256` is that of `manifest.json`."""

    folder: Path
    manifest: CorpusManifest
    sha256: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """How the samples got their labels.

    Args:
        definition: Tells of a concept how it and the tasks were found; part of a domain's
            definition.
        concepts: The concepts of a model; they are written beside the manifest.
    """

    definition: Callable[[str], str]
    concepts: ConceptMap | None = None


def write_corpus(
    out: Path,
    samples: Iterable[LabelledSample],
    pictures: Pictures,
    *,
    settings: PackConfig,
    tokenizer_folder: Path,
    labels: Labels,
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
        sample_rules = SampleRules(
            tokenizer=tokenizer,
            tokenizer_sha256=digest,
            image_tokens=settings.image_tokens,
            labels=labels.definition,
            shard_bytes=settings.shard_bytes,
            seed=settings.seed,
        )
        with _scratch(root) as scratch:
            domains = pack_samples(samples, pictures, root, scratch, rules=sample_rules)
        benchmarks: tuple[BenchmarkEntry, ...] = ()
        if items is not None:
            item_rules = ItemRules(
                benchmarks={benchmark.name: benchmark for benchmark in settings.benchmarks},
                tokenizer=tokenizer,
                eos=eos_id(tokenizer_folder, tokenizer),
                shard_bytes=settings.shard_bytes,
                seed=settings.seed,
            )
            with _scratch(root) as scratch:
                benchmarks = pack_items(items, root, scratch, rules=item_rules)
        manifest = CorpusManifest(
            domains=domains,
            tokenizer=TokenizerRef(url="tokenizer", sha256=digest),
            image_tokens=settings.image_tokens,
            embedding=_write_concepts(root, labels.concepts) if labels.concepts else None,
            benchmarks=benchmarks,
        )
        content = manifest.to_bytes()
        (root / "manifest.json").write_bytes(content)
        seconds = time.time() - begun
        (root / "build.json").write_bytes(_build_record(begun, seconds))
    return PackReport(folder=out, manifest=manifest, sha256=sha256_hex(content), seconds=seconds)


def _write_concepts(root: Path, concepts: ConceptMap) -> Embedding:
    content = concepts.to_bytes()
    (root / "concepts.json").write_bytes(content)
    return Embedding(
        model=concepts.model, revision=concepts.revision, centroids=sha256_hex(content)
    )


@contextmanager
def _appearing_whole(out: Path) -> Iterator[Path]:
    """Yield a folder beside `out` that takes its name when the block ends well."""
    if out.exists():
        raise SpecError(f"{out} exists already", hint="Remove it, or name another folder.")
    # One name, not a random one: what a killed pack leaves behind, the next one clears.
    partial = out.parent / f".{out.name}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        yield partial
        partial.rename(out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


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
