"""Fields of the resource that this version does not act on: refused, never ignored."""

from __future__ import annotations

from collections.abc import Iterator

from mixatlas.contract.metrics import Metric
from mixatlas.spec.model import MixtureSearch
from mixatlas.spec.places import Mistake, Path

SUPPORTED_METRICS = (Metric.EXACT_MATCH, Metric.ANLS, Metric.BOX_IOU, Metric.TOKEN_NLL)
SUPPORTED_FORMATS = ("csv", "json")


def find_unsupported(search: MixtureSearch) -> list[Mistake]:
    """Return every field that a document sets and this version does not act on."""
    return [
        Mistake(path=("spec", *path), message="not yet supported", remedy=remedy, at_key=True)
        for path, remedy in [*_of_mixtures(search), *_of_running(search)]
    ]


def _of_mixtures(search: MixtureSearch) -> Iterator[tuple[Path, str]]:
    spec = search.spec
    if spec.corpus.ref is not None:
        yield ("corpus", "ref"), "give `manifest: s3://…/manifest.json`"
    for i, benchmark in enumerate(spec.objective.benchmarks):
        if benchmark.metric is not None and benchmark.metric not in SUPPORTED_METRICS:
            yield ("objective", "benchmarks", i, "metric"), f"use {_either(SUPPORTED_METRICS)}"


def _of_running(search: MixtureSearch) -> Iterator[tuple[Path, str]]:
    spec = search.spec
    if spec.proxy.simulate_epochs:
        yield ("proxy", "simulateEpochs"), "cap repetition with `space.maxRepeats`"
    if spec.transfer is not None:
        yield ("transfer",), "remove it"
    for i, name in enumerate(spec.output.formats if spec.output else ()):
        if name not in SUPPORTED_FORMATS:
            yield ("output", "formats", i), f"use {_either(SUPPORTED_FORMATS)}"


def _either(words: tuple[str, ...]) -> str:
    return f"{', '.join(words[:-1])} or {words[-1]}"
