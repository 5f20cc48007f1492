"""What must hold between a document and the corpus that it names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase

from mixatlas.contract.errors import NotYetSupported, SpecError
from mixatlas.contract.manifest import BenchmarkManifest, CorpusManifest
from mixatlas.spec.model import MixtureSearch
from mixatlas.spec.places import Mistake, Path, did_you_mean
from mixatlas.spec.support import SUPPORTED_METRICS
from mixatlas.spec.view import View

LEAST_ITEMS = 60
"""Of a benchmark: with fewer, one of its two halves has under 30."""


def check_against_corpus(
    search: MixtureSearch,
    corpus: CorpusManifest,
    benchmarks: Mapping[str, BenchmarkManifest],
) -> None:
    """Refuse a document that names what its corpus lacks.

    Args:
        search: The document.
        corpus: Its corpus.
        benchmarks: Manifests of the benchmarks that could be found, by name.

    Raises:
        SpecError: It lists every field that does not fit, and carries them as `mistakes`.
        NotYetSupported: All fit, and a benchmark has a metric that our trainer lacks.
    """
    _refuse([*_domains(search, corpus), *_benchmarks(search, corpus, benchmarks)])
    _refuse(_metrics(search, benchmarks), NotYetSupported)


def _refuse(mistakes: Sequence[Mistake], error: type[SpecError] = SpecError) -> None:
    if mistakes:
        lines = [
            f"{'.'.join(str(part) for part in m.path)}: {m.message}\n  {m.remedy}".rstrip()
            for m in mistakes
        ]
        raise error("\n".join(lines), mistakes=tuple(mistakes))


def _domains(search: MixtureSearch, corpus: CorpusManifest) -> Iterator[Mistake]:
    known = View.of(corpus.domains, search.spec.axes).names
    if len(search.spec.axes) == 1 and len(known) == 1:
        yield Mistake(
            path=("spec", "axes"),
            message=f"`{known[0]}` is the only {search.spec.axes[0]} of the corpus",
            remedy="search the other axis",
            at_key=True,
        )
    space = search.spec.space
    named: list[tuple[Path, str]] = [
        *((("space", "bounds", i), bound.domain) for i, bound in enumerate(space.bounds)),
        *(
            (("space", "linear", i, "terms", j), term.domain)
            for i, row in enumerate(space.linear)
            for j, term in enumerate(row.terms)
        ),
        *(
            (("baselines", i, "mixture", j), weight.domain)
            for i, baseline in enumerate(search.spec.baselines)
            for j, weight in enumerate(baseline.mixture)
        ),
    ]
    for path, name in named:
        if name not in known:
            yield Mistake(
                path=("spec", *path, "domain"),
                message=f"the corpus has no domain `{name}`",
                remedy=_near(name, known),
            )
    for i, group in enumerate(space.groups):
        for j, pattern in enumerate(group.domains):
            if not any(fnmatchcase(name, pattern) for name in known):
                yield Mistake(
                    path=("spec", "space", "groups", i, "domains", j),
                    message=f"no domain of the corpus matches `{pattern}`",
                    remedy=_near(pattern, known),
                )


def _benchmarks(
    search: MixtureSearch, corpus: CorpusManifest, benchmarks: Mapping[str, BenchmarkManifest]
) -> Iterator[Mistake]:
    carried = [entry.name for entry in corpus.benchmarks]
    for i, wanted in enumerate(search.spec.objective.benchmarks):
        path: Path = ("spec", "objective", "benchmarks", i)
        manifest = benchmarks.get(wanted.name)
        if manifest is None:
            near = did_you_mean(wanted.name, carried)
            yield Mistake(
                path=(*path, "name"),
                message=f"the corpus carries no benchmark `{wanted.name}`, and `source` is missing",
                remedy=near or "add `source: s3://…/manifest.json`",
            )
            continue
        if wanted.metric is not None and wanted.metric is not manifest.metric:
            yield Mistake(
                path=(*path, "metric"),
                message=f"{wanted.metric} is not the benchmark's metric",
                remedy=f"write {manifest.metric}, or remove it",
            )
        if manifest.items < LEAST_ITEMS:
            yield Mistake(
                path=(*path, "name"),
                message=f"`{wanted.name}` has {manifest.items} items: a half of it has under 30",
                remedy="add items, or remove the benchmark",
            )


def _metrics(search: MixtureSearch, benchmarks: Mapping[str, BenchmarkManifest]) -> list[Mistake]:
    return [
        Mistake(
            path=("spec", "objective", "benchmarks", i, "name"),
            message=f"its metric {benchmarks[wanted.name].metric} is not yet supported",
            remedy=f"one of: {', '.join(SUPPORTED_METRICS)}",
        )
        for i, wanted in enumerate(search.spec.objective.benchmarks)
        if benchmarks[wanted.name].metric not in SUPPORTED_METRICS
    ]


def _near(name: str, known: Sequence[str]) -> str:
    return did_you_mean(name, known) or f"the corpus has {len(known)} domains"
