"""`corpus pack`: labelled JSON lines and items, with a small YAML, → a corpus folder."""

from __future__ import annotations

from pathlib import Path

from mixatlas.contract.errors import SpecError
from mixatlas.corpus.config import load_config
from mixatlas.corpus.labelled import labelled_lines
from mixatlas.corpus.pictures import FolderPictures
from mixatlas.corpus.writer import Cleaning, Labels, PackReport, write_corpus


def pack(samples: Path, out: Path, *, config: Path, items: Path | None = None) -> PackReport:
    """Pack labelled samples and benchmark items into a corpus folder (`write_corpus`).

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
    settings = load_config(config)
    if bool(settings.benchmarks) != (items is not None):
        raise SpecError(
            "benchmark items are given without `benchmarks` in the configuration"
            if items
            else "the configuration has benchmarks, and no items are given",
            hint="Give both, or neither.",
            where=config.name,
        )
    return write_corpus(
        out,
        labelled_lines(samples),
        FolderPictures(samples.parent),
        settings=settings,
        tokenizer_folder=config.parent / settings.tokenizer,
        labels=Labels(definition=lambda _: "given"),
        cleaning=Cleaning(keeps_duplicates=True, keeps_overlaps=True),
        items=items,
    )
