"""Samples and items → one folder: shards, tokenizer, benchmarks and `manifest.json`."""

from __future__ import annotations

import platform
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mixatlas.contract.canonical import canonical_json, sha256_hex
from mixatlas.contract.errors import SpecError
from mixatlas.contract.manifest import BenchmarkEntry, CorpusManifest, TokenizerRef
from mixatlas.corpus.config import PackConfig, load_config
from mixatlas.corpus.items import ItemRules, pack_items
from mixatlas.corpus.labelled import labelled_lines
from mixatlas.corpus.pictures import FolderPictures
from mixatlas.corpus.samples import SampleRules, pack_samples
from mixatlas.corpus.tokenizing import copy_tokenizer, eos_id, load_tokenizer


@dataclass(frozen=True, slots=True, kw_only=True)
class PackReport:
    """What was packed. `sha256` is that of `manifest.json`."""

    folder: Path
    manifest: CorpusManifest
    sha256: str
    seconds: float


def pack(samples: Path, out: Path, *, config: Path, items: Path | None = None) -> PackReport:
    """Pack labelled samples and benchmark items into a corpus folder.

    Equal lines, images, tokenizer and configuration give equal bytes, whatever the order of the
    lines; only `build.json` differs. Blocks; reads every image twice; memory does not grow with
    the corpus.

    Args:
        samples: JSON lines of samples (contract: "Corpus manifest").
        out: Folder to make. It appears whole at the end, or not at all.
        config: YAML with `tokenizer`, `imageTokens`, `benchmarks`, `shardBytes`, `seed`.
        items: JSON lines of benchmark items; needed if the configuration has benchmarks.

    Returns:
        The manifest and its digest.

    Raises:
        SpecError: The configuration is wrong, or `out` exists.
        CorpusInvalid: A line, an image or a benchmark cannot be used.
    """
    begun = time.time()
    settings = load_config(config)
    if bool(settings.benchmarks) != (items is not None):
        raise SpecError(
            "benchmark items are given without `benchmarks` in the configuration"
            if items
            else "the configuration has benchmarks, and no items are given",
            hint="Give both, or neither.",
            where=config.name,
        )
    with _appearing_whole(out) as partial:
        manifest = _pack_into(partial, samples, items, settings, config.parent)
        content = manifest.to_bytes()
        (partial / "manifest.json").write_bytes(content)
        seconds = time.time() - begun
        (partial / "build.json").write_bytes(_build_record(begun, seconds))
    return PackReport(folder=out, manifest=manifest, sha256=sha256_hex(content), seconds=seconds)


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


def _pack_into(
    root: Path, samples: Path, items: Path | None, settings: PackConfig, config_folder: Path
) -> CorpusManifest:
    source = config_folder / settings.tokenizer
    tokenizer = load_tokenizer(source)
    digest = copy_tokenizer(source, root / "tokenizer")
    sample_rules = SampleRules(
        tokenizer=tokenizer,
        tokenizer_sha256=digest,
        image_tokens=settings.image_tokens,
        shard_bytes=settings.shard_bytes,
        seed=settings.seed,
    )
    with _scratch(root) as scratch:
        domains = pack_samples(
            labelled_lines(samples),
            FolderPictures(samples.parent),
            root,
            scratch,
            rules=sample_rules,
        )
    benchmarks: tuple[BenchmarkEntry, ...] = ()
    if items is not None:
        item_rules = ItemRules(
            benchmarks={benchmark.name: benchmark for benchmark in settings.benchmarks},
            tokenizer=tokenizer,
            eos=eos_id(source, tokenizer),
            shard_bytes=settings.shard_bytes,
            seed=settings.seed,
        )
        with _scratch(root) as scratch:
            benchmarks = pack_items(items, root, scratch, rules=item_rules)
    return CorpusManifest(
        domains=domains,
        tokenizer=TokenizerRef(url="tokenizer", sha256=digest),
        image_tokens=settings.image_tokens,
        benchmarks=benchmarks,
    )


@contextmanager
def _scratch(root: Path) -> Iterator[Path]:
    folder = root / "scratch"
    folder.mkdir()
    yield folder
    shutil.rmtree(folder)


def _build_record(begun: float, seconds: float) -> bytes:
    """Return what differs from pack to pack, kept out of the manifest."""
    record = {
        "builtAt": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(begun)),
        "host": platform.node(),
        "python": platform.python_version(),
        "seconds": round(seconds, 3),
    }
    return canonical_json(record) + b"\n"
