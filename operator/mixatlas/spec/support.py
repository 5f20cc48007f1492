"""Fields of the resource that this version does not act on: refused, never ignored."""

from __future__ import annotations

from collections.abc import Iterator

from mixatlas.contract.errors import NotYetSupported
from mixatlas.contract.metrics import Metric
from mixatlas.spec.model import MixtureSearch
from mixatlas.spec.places import Document, Path

SUPPORTED_METRICS = (Metric.EXACT_MATCH, Metric.ANLS, Metric.BOX_IOU, Metric.TOKEN_NLL)
SUPPORTED_FORMATS = ("csv", "json")


def refuse_unsupported(search: MixtureSearch, document: Document | None = None) -> None:
    """Refuse the first field that this version does not act on.

    Raises:
        NotYetSupported: It names the field.
    """
    for path, remedy in _unsupported(search):
        name = ".".join(str(part) for part in path)
        where = document.where(path) if document is not None else None
        raise NotYetSupported(f"{name} is not yet supported", hint=remedy, where=where)


def _unsupported(search: MixtureSearch) -> Iterator[tuple[Path, str]]:
    spec = search.spec
    if spec.corpus.ref is not None:
        yield ("spec", "corpus", "ref"), "Give `manifest: s3://…/manifest.json`."
    if set(spec.axes) != {"concept", "task"}:
        yield ("spec", "axes"), "Remove it: both axes are searched."
    for i, benchmark in enumerate(spec.objective.benchmarks):
        if benchmark.metric is not None and benchmark.metric not in SUPPORTED_METRICS:
            yield (
                ("spec", "objective", "benchmarks", i, "metric"),
                f"Use one of: {', '.join(SUPPORTED_METRICS)}.",
            )
    if spec.search.acquisition.name != "UpperConfidenceBound":
        yield ("spec", "search", "acquisition", "name"), "Use UpperConfidenceBound."
    if spec.search.warm_start:
        yield ("spec", "search", "warmStart"), "Remove it."
    if spec.proxy.simulate_epochs:
        yield ("spec", "proxy", "simulateEpochs"), "Use space.maxRepeats to cap repetition."
    if spec.storage is not None and spec.storage.ca_bundle is not None:
        yield ("spec", "storage", "caBundle"), "Remove it."
    if spec.transfer is not None:
        yield ("spec", "transfer"), "Remove it."
    if spec.output is not None and spec.output.job is not None:
        yield ("spec", "output", "job"), "Start the job from the ConfigMap or the exports."
    for i, name in enumerate(spec.output.formats if spec.output else ()):
        if name not in SUPPORTED_FORMATS:
            yield ("spec", "output", "formats", i), "Use csv or json."
    if spec.suspend_mode == "Checkpoint":
        yield ("spec", "suspendMode"), "Use Drain."
