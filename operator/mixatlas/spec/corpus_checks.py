"""What must hold between a document and the corpus that it names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase

from mixatlas.contract.errors import NotYetSupported, SpecError
from mixatlas.contract.manifest import BenchmarkManifest, CorpusManifest
from mixatlas.spec.model import MixtureSearch
from mixatlas.spec.places import did_you_mean
from mixatlas.spec.support import SUPPORTED_METRICS


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
        SpecError: It lists every field that does not fit.
        NotYetSupported: A benchmark's metric is not one that our trainer has.
    """
    mistakes = [*_domains(search, corpus), *_benchmarks(search, corpus, benchmarks)]
    if mistakes:
        raise SpecError("\n".join(mistakes), hint="Correct the document, or pack the corpus again.")
    for name, manifest in benchmarks.items():
        if manifest.metric not in SUPPORTED_METRICS:
            raise NotYetSupported(
                f"benchmark {name}: metric {manifest.metric} is not yet supported",
                hint=f"Use one of: {', '.join(SUPPORTED_METRICS)}.",
            )


def _domains(search: MixtureSearch, corpus: CorpusManifest) -> Iterator[str]:
    known = [domain.name for domain in corpus.domains]
    space = search.spec.space
    named = [(f"spec.space.bounds.{i}.domain", b.domain) for i, b in enumerate(space.bounds)]
    for i, row in enumerate(space.linear):
        named += [
            (f"spec.space.linear.{i}.terms.{j}.domain", t.domain) for j, t in enumerate(row.terms)
        ]
    for i, baseline in enumerate(search.spec.baselines):
        named += [
            (f"spec.baselines.{i}.mixture.{j}.domain", w.domain)
            for j, w in enumerate(baseline.mixture)
        ]
    for field, name in named:
        if name not in known:
            yield f"{field}: the corpus has no domain `{name}`; {_near(name, known)}"
    for i, group in enumerate(space.groups):
        for j, pattern in enumerate(group.domains):
            if not any(fnmatchcase(name, pattern) for name in known):
                yield (
                    f"spec.space.groups.{i}.domains.{j}: `{pattern}` matches no domain; "
                    f"{_near(pattern, known)}"
                )


def _benchmarks(
    search: MixtureSearch, corpus: CorpusManifest, benchmarks: Mapping[str, BenchmarkManifest]
) -> Iterator[str]:
    carried = [entry.name for entry in corpus.benchmarks]
    for i, wanted in enumerate(search.spec.objective.benchmarks):
        field = f"spec.objective.benchmarks.{i}"
        manifest = benchmarks.get(wanted.name)
        if manifest is None:
            yield (
                f"{field}.source: missing, and the corpus carries no benchmark `{wanted.name}`; "
                f"{_near(wanted.name, carried)}"
            )
        elif wanted.metric is not None and wanted.metric is not manifest.metric:
            yield f"{field}.metric: {wanted.metric}, but the manifest says {manifest.metric}"


def _near(name: str, known: Sequence[str]) -> str:
    return did_you_mean(name, known) or f"it has {len(known)} others"
