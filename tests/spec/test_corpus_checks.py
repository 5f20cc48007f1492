"""Documents against the corpus that they name."""

from __future__ import annotations

import pytest

from builders import a_cell
from mixatlas.contract.errors import NotYetSupported, SpecError
from mixatlas.contract.manifest import (
    BenchmarkEntry,
    BenchmarkManifest,
    CorpusManifest,
    ItemShard,
    TokenizerRef,
)
from mixatlas.contract.metrics import Metric
from mixatlas.spec.corpus_checks import check_against_corpus
from mixatlas.spec.load import load_search
from mixatlas.spec.places import Document

SHA = "0" * 64
TEXT = """\
apiVersion: mixatlas.dev/v1alpha1
kind: MixtureSearch
metadata: {name: small}
spec:
  corpus: {manifest: s3://corpora/small/manifest.json}
  space:
    bounds: [{domain: chart.vqa, max: "0.5"}]
    groups: [{name: charts, domains: ["chart.*"], min: "0.1"}]
    linear: [{name: one, terms: [{domain: photo.caption, coefficient: "1"}], max: "1"}]
  baselines: [{name: mine, mixture: [{domain: photo.caption, weight: "1"}]}]
  objective: {benchmarks: [{name: charts, metric: ExactMatch}, {name: captions}]}
  proxy: {tokens: 50000000, base: {checkpoint: s3://models/small/}}
"""


def a_benchmark(name: str, metric: Metric, items: int = 60) -> BenchmarkManifest:
    shards = (ItemShard(url="a.tar", sha256=SHA, items=items),)
    return BenchmarkManifest(name=name, metric=metric, chance=0.1, items=items, shards=shards)


BENCHMARKS = {
    "charts": a_benchmark("charts", Metric.EXACT_MATCH),
    "captions": a_benchmark("captions", Metric.TOKEN_NLL),
}
CORPUS = CorpusManifest(
    domains=tuple(a_cell(name) for name in ("chart.vqa", "photo.caption", "photo.vqa")),
    tokenizer=TokenizerRef(url="tokenizer", sha256=SHA),
    image_tokens=16,
    benchmarks=tuple(
        BenchmarkEntry(name=name, manifest=f"{name}/manifest.json", sha256=SHA)
        for name in sorted(BENCHMARKS)
    ),
)


def complaint(text: str, benchmarks: dict[str, BenchmarkManifest] = BENCHMARKS) -> str:
    """Return what is said of a document, with places."""
    document = Document(text, "search.yaml")
    with pytest.raises(SpecError) as caught:
        check_against_corpus(load_search(text), CORPUS, benchmarks)
    return document.describe(caught.value.mistakes)


def test_a_document_that_fits_is_accepted() -> None:
    check_against_corpus(load_search(TEXT), CORPUS, BENCHMARKS)


def test_a_mistake_is_told_at_its_place() -> None:
    assert (
        complaint(TEXT.replace("domain: chart.vqa", "domain: charts.vqa"))
        == """\
search.yaml:7:23: spec.space.bounds.0.domain: the corpus has no domain `charts.vqa`
        bounds: [{domain: charts.vqa, max: "0.5"}]
                          ^
    did you mean `chart.vqa`?"""
    )


@pytest.mark.parametrize(
    ("old", "new", "message", "remedy"),
    [
        (
            "domain: photo.caption, coefficient",
            "domain: photo.ocr, coefficient",
            "spec.space.linear.0.terms.0.domain: the corpus has no domain `photo.ocr`",
            "did you mean `photo.vqa`?",
        ),
        (
            "domain: photo.caption, weight",
            "domain: photo.captions, weight",
            "spec.baselines.0.mixture.0.domain: the corpus has no domain `photo.captions`",
            "did you mean `photo.caption`?",
        ),
        (
            '"chart.*"',
            '"map.*"',
            "spec.space.groups.0.domains.0: no domain of the corpus matches `map.*`",
            "one of: chart.vqa, photo.caption, photo.vqa",
        ),
        (
            "name: captions",
            "name: caption",
            (
                "spec.objective.benchmarks.1.name: the corpus carries no benchmark `caption`, "
                "and `source` is missing"
            ),
            "did you mean `captions`?",
        ),
        (
            "metric: ExactMatch",
            "metric: Anls",
            "spec.objective.benchmarks.0.metric: Anls is not the benchmark's metric",
            "write ExactMatch, or remove it",
        ),
    ],
    ids=["linear", "baseline", "group", "benchmark", "metric"],
)
def test_what_the_corpus_lacks_is_named(old: str, new: str, message: str, remedy: str) -> None:
    assert old in TEXT
    first, *_, last = complaint(TEXT.replace(old, new, 1)).split("\n")
    assert first.partition(": ")[2] == message
    assert last.strip() == remedy


BY_CONCEPT = (
    TEXT.replace("  space:", "  axes: [concept]\n  space:")
    .replace("chart.vqa", "chart")
    .replace("chart.*", "c*")
    .replace("photo.caption", "photo")
)


def test_on_one_axis_its_values_are_the_domains() -> None:
    check_against_corpus(load_search(BY_CONCEPT), CORPUS, BENCHMARKS)
    first, *_, last = complaint(BY_CONCEPT.replace("domain: chart,", "domain: chart.vqa,")).split(
        "\n"
    )
    assert first.endswith("spec.space.bounds.0.domain: the corpus has no domain `chart.vqa`")
    assert last.strip() == "did you mean `chart`?"


def test_an_axis_with_one_value_is_nothing_to_search() -> None:
    photos = CORPUS.model_copy(update={"domains": CORPUS.domains[1:]})
    text = TEXT.replace("  space:", "  axes: [concept]\n  space:")
    with pytest.raises(SpecError, match="`photo` is the only concept of the corpus"):
        check_against_corpus(load_search(text), photos, BENCHMARKS)


def test_a_benchmark_with_too_few_items_is_refused() -> None:
    few = BENCHMARKS | {"captions": a_benchmark("captions", Metric.TOKEN_NLL, items=59)}
    assert "`captions` has 59 items: a half of it has under 30" in complaint(TEXT, few)


def test_all_are_told_at_once_and_without_a_text_by_their_paths() -> None:
    text = TEXT.replace("chart.vqa", "a.vqa").replace("name: captions", "name: z")
    with pytest.raises(SpecError) as caught:
        check_against_corpus(load_search(text), CORPUS, BENCHMARKS)
    lines = str(caught.value).split("\n")
    assert lines[0] == "spec.space.bounds.0.domain: the corpus has no domain `a.vqa`"
    assert lines[2].startswith("spec.objective.benchmarks.1.name: ")


def test_a_metric_that_the_trainer_lacks_is_not_yet_supported() -> None:
    other = BENCHMARKS | {"captions": a_benchmark("captions", Metric.VQA_ACCURACY)}
    with pytest.raises(NotYetSupported, match="VqaAccuracy is not yet supported"):
        check_against_corpus(load_search(TEXT), CORPUS, other)
