"""Samples → domains: labelled JSON lines become shards, token counts and manifests.

Knows: the input lines, image headers, tokenizers, WebDataset tars, the manifest on disk and in a
store, chance levels of benchmarks.
Never knows: searches, mixtures, trials, models. It never holds a corpus in memory.
Used by: cli, the demo.
"""

from mixatlas.corpus.check import CheckReport, check
from mixatlas.corpus.pack import pack
from mixatlas.corpus.push import PushReport, push
from mixatlas.corpus.writer import PackReport

__all__ = ["CheckReport", "PackReport", "PushReport", "check", "pack", "push"]
