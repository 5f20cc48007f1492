"""Samples → domains: sources are read and labelled; shards, token counts and manifests come out.

Knows: source formats, task rules, labelled lines, image headers, tokenizers, WebDataset tars, the
manifest on disk and in a store, chance levels of benchmarks.
Never knows: searches, mixtures, trials, models. It never holds a corpus in memory.
Used by: cli, the demo.
"""

from mixatlas.corpus.build import BuildReport, build
from mixatlas.corpus.check import CheckReport, check
from mixatlas.corpus.inspect import InspectReport, inspect
from mixatlas.corpus.pack import pack
from mixatlas.corpus.push import PushReport, push
from mixatlas.corpus.writer import PackReport

__all__ = [
    "BuildReport",
    "CheckReport",
    "InspectReport",
    "PackReport",
    "PushReport",
    "build",
    "check",
    "inspect",
    "pack",
    "push",
]
