"""What a warm start names beside trials that are taken as done: runs that are evidence."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from fakes import InstantProposer, MemoryStore
from mixatlas.contract.canonical import sha256_hex
from mixatlas.contract.errors import HistoryMismatch, SpecError
from mixatlas.driver.accept import accept
from mixatlas.driver.driver import Driver
from mixatlas.driver.preview import preview
from mixatlas.driver.questions import NominateQuestion, ProposeQuestion, answer
from mixatlas.ledger.evidence import MOST_RUNS, EvidenceRecord, Source
from mixatlas.ledger.fold import SEARCH_PURPOSES
from mixatlas.plan.observed import Observed, ProposedRound
from mixatlas.plan.plan import why_finished
from scenario import ROOT, World, a_document

OTHER_TRAINER = {"model": {"config": {}}, "globalBatchTokens": 200}
TABLES = {"ratios": "s3://tables/ratios.csv", "metrics": "s3://tables/metrics.csv"}
RATIOS = """run,name,chart.caption,chart.vqa,photo.caption,audio.vqa
a,x,0.5,0.25,0.25,0
b,x,0.1,0.2,0.3,0.4
c,x,0.1,0.2,0.3,0.4
d,x,0.7,0.1,0.1,0.1
"""
METRICS = """run,second,other,first
b,2.0,7,1.5
a,1.0,7,1.25
c,2.1,7,nan
d,0.5,7,
"""


@dataclass
class Listening(InstantProposer):
    """Keeps what it is asked."""

    questions: list[ProposeQuestion | NominateQuestion] = field(default_factory=list)

    def start(self, question: ProposeQuestion | NominateQuestion) -> None:
        self.questions.append(question)
        super().start(question)


def with_tables(ratios: str | bytes = RATIOS, metrics: str | bytes = METRICS) -> MemoryStore:
    store = MemoryStore()
    for uri, text in zip(TABLES.values(), (ratios, metrics), strict=True):
        store.objects[uri] = text.encode() if isinstance(text, str) else text
    return store


def a_search(store: MemoryStore, *entries: dict[str, str], **changes: object) -> World:
    search = a_document(search__warmStart=list(entries), **changes)
    return World(search=search, store=store, uid="uid01", proposer=Listening())


def sources(world: World) -> tuple[Source, ...]:
    """Accept a search, and return its evidence."""
    accepted = accept(
        world.store, world.search, uid=world.uid, root=world.root, image=world.runner.image_id
    )
    return accepted.warm_start.sources


def finished(**changes: object) -> World:
    world = World(search=a_document(**changes))
    world.run()
    return world


def told(world: World) -> list[str]:
    return [text for reason, text in world.sink.events if reason == "EvidenceRead"]


def searched(observed: Observed) -> int:
    return sum(outcome.purpose in SEARCH_PURPOSES for outcome in observed.outcomes)


def a_corpus_like(store: MemoryStore, name: str, edit: Callable[[dict[str, Any]], None]) -> str:
    """Store a copy of the corpus in which each domain has a definition of its own, and edit it."""
    for uri in [uri for uri in store.objects if uri.startswith("s3://corpora/golden/")]:
        store.objects[uri.replace("golden", name)] = store.objects[uri]
    manifest = f"s3://corpora/{name}/manifest.json"
    plain = json.loads(store.objects[manifest])
    for domain in plain["domains"]:
        domain["definition"] = sha256_hex(domain["name"].encode())
        edit(domain)
    store.objects[manifest] = json.dumps(plain).encode()
    return manifest


def test_trials_of_another_trainer_are_evidence_and_nothing_is_taken_as_done() -> None:
    first = finished()
    second = a_search(first.store, {"ledger": first.root}, proxy__trainer=OTHER_TRAINER)
    observed = second.run()
    assert why_finished(observed) is not None
    assert not any(outcome.taken_from for outcome in observed.outcomes)
    (source,) = sources(second)
    assert len(source.weights) == 8
    assert source.metrics == ("first", "second")
    assert source.matched == source.ours
    assert source.unknown == source.further == source.changed == ()
    assert second.proposer.questions
    for question in second.proposer.questions:
        assert question.history.evidence == (source,)
    assert told(second) == [
        (
            f"spec.search.warmStart.0: 8 runs of {first.root} are evidence for first, second: "
            "4 of 4 domains matched; not taken as done, for they differ: proxy.trainer"
        )
    ]


def test_weights_are_what_was_really_trained_and_scores_are_turned() -> None:
    first = finished()
    trials = first.driver().observe()
    (source,) = sources(a_search(first.store, {"ledger": first.root}, proxy__tokens=11_000))
    found = {
        (weights, scores) for weights, scores in zip(source.weights, source.scores, strict=True)
    }
    for outcome in trials.outcomes:
        if outcome.purpose not in SEARCH_PURPOSES:
            continue
        tokens = {name: use.tokens for name, use in outcome.domains.items()}
        total = sum(tokens.values())
        weights = tuple(tokens.get(name, 0) / total for name in source.domains)
        scores = tuple(-outcome.scores[name].value for name in source.metrics)
        assert (weights, scores) in found


def test_what_is_taken_as_done_is_no_evidence_as_well() -> None:
    first = finished()
    assert sources(a_search(first.store, {"ledger": first.root})) == ()
    bounds = [{"domain": "chart.caption", "max": "0.15"}]
    half = a_search(first.store, {"ledger": first.root}, space__bounds=bounds, search__maxTrials=12)
    half.uid = "uid02"
    observed = half.run()
    taken = sum(bool(o.taken_from) and o.purpose in SEARCH_PURPOSES for o in observed.outcomes)
    (source,) = sources(half)
    assert 0 < taken < 8
    assert taken + len(source.weights) == 8


def test_a_search_keeps_the_evidence_that_it_was_accepted_with() -> None:
    first = finished()
    second = a_search(first.store, {"ledger": first.root}, TABLES, proxy__trainer=OTHER_TRAINER)
    for uri, text in with_tables().objects.items():
        second.store.objects[uri] = text
    before = sources(second)
    assert [source.field[-1] for source in before] == ["0", "1"]
    second.store.objects[TABLES["metrics"]] = b"not a table any more"
    for uri in [uri for uri in second.store.objects if uri.startswith(f"{first.root}/")]:
        del second.store.objects[uri]
    assert sources(second) == before
    assert why_finished(second.run()) is not None


def test_a_crash_before_acceptance_is_written_leaves_nothing_half_done() -> None:
    world = a_search(with_tables(), TABLES)
    layout = f"{world.root}/"
    assert sources(world)
    written = [uri for uri in world.store.fuse.written if uri.startswith(layout)]
    assert [uri.removeprefix(layout) for uri in written] == ["evidence.json", "search.json"]


def test_a_search_of_an_earlier_version_goes_on_without_evidence() -> None:
    first = finished()
    second = a_search(first.store, {"ledger": f"{first.root}/"}, proxy__tokens=11_000)
    assert sources(second)
    del second.store.objects[f"{second.root}/evidence.json"]
    observed = second.run()
    assert observed.accepted.warm_start == EvidenceRecord(
        ledgers={"spec.search.warmStart.0": first.root}
    )
    assert any(outcome.taken_from for outcome in observed.outcomes), "the base"


def test_tables_are_evidence_for_the_benchmarks_that_they_measure() -> None:
    world = a_search(with_tables(), TABLES)
    observed = world.run()
    (source,) = observed.accepted.warm_start.sources
    assert source.origin == tuple(TABLES.values())
    assert source.sha256 == tuple(sha256_hex(text.encode()) for text in (RATIOS, METRICS))
    assert source.domains == ("chart.caption", "chart.vqa", "photo.caption", "audio.vqa")
    assert source.metrics == ("first", "second")
    assert source.scores == ((1.25, 1.0), (1.5, 2.0), (None, 2.1), (None, 0.5))
    assert source.unknown == ("photo.vqa",)
    assert source.further == ("audio.vqa",)
    assert told(world) == [
        (
            "spec.search.warmStart.0: 4 runs of s3://tables/ratios.csv are evidence for first, "
            "second: 3 of 4 domains matched; unknown to it: photo.vqa; only there: audio.vqa"
        )
    ]
    assert searched(observed) == 8, "none of them counts as a trial"


@pytest.mark.parametrize("separator", ":/")
def test_domains_of_a_table_may_be_separated_otherwise(separator: str) -> None:
    store = with_tables(ratios=RATIOS.replace("chart.", f"chart{separator}"))
    (source,) = sources(a_search(store, TABLES))
    assert source.unknown == ("photo.vqa",)


AXES = {
    "concepts": ("run,photo,audio,chart", [[0, 0, 1], [0, 0, 1], [1, 0, 0], [1, 0, 0]]),
    "tasks": ("run,vqa,caption,ocr", [[0, 1, 0], [1, 0, 0], [0, 1, 0], [1, 0, 0]]),
}


@pytest.mark.parametrize(("header", "shares"), AXES.values(), ids=AXES)
def test_a_table_over_one_axis_gets_whole_concepts_or_tasks(
    header: str, shares: list[list[float]]
) -> None:
    ratios = f"{header}\na,0.2,0.3,0.5\nb,0.4,0.3,0.3\nd,0.1,0.1,0.8\n"
    (source,) = sources(a_search(with_tables(ratios), TABLES))
    assert source.shares == tuple(tuple(map(float, row)) for row in shares)


def test_a_search_on_one_axis_divides_its_domains_by_natural_shares() -> None:
    (source,) = sources(a_search(with_tables(), TABLES, axes=["concept"]))
    assert source.ours == ("chart", "photo")
    np.testing.assert_allclose(source.shares, [[1 / 3, 2 / 3, 0, 0], [0, 0, 3 / 7, 0]])


@pytest.mark.parametrize(
    ("theirs", "ours", "shares"),
    [
        (["task"], ["concept", "task"], [[1, 0], [0, 1], [1, 0], [0, 1]]),
        (["concept", "task"], ["task"], [[1 / 4, 0, 3 / 4, 0], [0, 2 / 6, 0, 4 / 6]]),
        (["task"], ["concept"], [[1 / 3, 2 / 3], [3 / 7, 4 / 7]]),
    ],
)
def test_ledgers_on_other_axes_are_evidence(
    theirs: list[str], ours: list[str], shares: list[list[float]]
) -> None:
    first = finished(axes=theirs)
    second = a_search(first.store, {"ledger": first.root}, axes=ours, proxy__tokens=11_000)
    (source,) = sources(second)
    np.testing.assert_allclose(source.shares, shares)
    np.testing.assert_allclose(np.sum(source.weights, axis=1), 1)


def test_domains_match_by_definition_whatever_their_name_and_changed_content_is_told() -> None:
    store = World().store
    earlier = a_corpus_like(store, "earlier", lambda domain: None)
    first = World(search=a_document(corpus={"manifest": earlier}), store=store)
    first.run()

    def edit(domain: dict[str, Any]) -> None:
        if domain["name"] == "photo.vqa":
            domain |= {"name": "picture.vqa", "concept": "picture", "content": "5" * 64}
        if domain["name"] == "photo.caption":
            domain["definition"] = "6" * 64

    later = a_corpus_like(store, "later", edit)
    second = a_search(store, {"ledger": first.root}, corpus={"manifest": later})
    (source,) = sources(second)
    assert source.matched == ("chart.caption", "chart.vqa", "picture.vqa")
    assert source.unknown == ("photo.caption",)
    assert source.further == ("photo.caption",), "of equal name, and something else"
    assert source.shares[3][source.domains.index("photo.vqa")] == 1
    assert source.changed == ("picture.vqa",)
    assert "content changed: picture.vqa" in source.told


def test_a_benchmark_with_other_items_is_told() -> None:
    first = finished()
    other = a_corpus_like(first.store, "other", lambda domain: None)
    plain = json.loads(first.store.objects[other])
    for domain in plain["domains"]:
        domain["definition"] = sha256_hex(domain["concept"].encode())
    uri = "s3://corpora/other/benchmarks/first/manifest.json"
    benchmark = json.loads(first.store.objects[uri]) | {"items": 90}
    first.store.objects[uri] = json.dumps(benchmark).encode()
    plain["benchmarks"][0]["sha256"] = sha256_hex(first.store.objects[uri])
    first.store.objects[other] = json.dumps(plain).encode()
    second = a_search(first.store, {"ledger": first.root}, corpus={"manifest": other})
    (source,) = sources(second)
    assert source.changed == ("first",)


def accept_with(world: World, ledgers: dict[str, str]) -> tuple[Source, ...]:
    accepted = accept(
        world.store,
        world.search,
        uid=world.uid,
        root=world.root,
        image=world.runner.image_id,
        find_ledger=ledgers.get,
    )
    return accepted.warm_start.sources


def test_a_search_of_another_name_is_found_once_and_for_all() -> None:
    first = finished()
    second = a_search(first.store, {"search": "other"}, proxy__tokens=11_000)
    (source,) = accept_with(second, {"other": first.root})
    assert len(source.weights) == 8
    observed = second.run()
    assert observed.accepted.warm_start.sources == (source,)
    assert {o.trial for o in observed.outcomes if o.taken_from} == {0}, "the base of its ledger"


def test_many_runs_are_thinned_whatever_their_order() -> None:
    rng = np.random.default_rng(1)
    n = MOST_RUNS + 100
    lines = [f"{i},{w:.6f},{1 - float(f'{w:.6f}'):.6f}" for i, w in enumerate(rng.uniform(size=n))]
    scores = [f"{i},{value:.6f}" for i, value in enumerate(rng.normal(size=n))]
    kept = []
    for order in (np.arange(n), rng.permutation(n)):
        ratios = "\n".join(["run,chart,photo", *(lines[i] for i in order)])
        store = with_tables(ratios, "\n".join(["run,first", *scores]))
        (source,) = sources(a_search(store, TABLES))
        assert len(source.weights) == MOST_RUNS
        assert source.n_found == n
        assert f"{MOST_RUNS} of {n} runs" in source.told
        kept.append(set(zip(source.weights, source.scores, strict=True)))
    assert kept[0] == kept[1]


def test_the_surrogate_hears_of_evidence() -> None:
    world = a_search(with_tables(), TABLES)
    driver: Driver = world.driver()
    driver.run()
    question = next(q for q in world.proposer.questions if isinstance(q, ProposeQuestion))
    found = answer(question)
    assert isinstance(found, ProposedRound)
    assert found.basis == "surrogate"
    assert found.hyperparameters is not None
    n_groups = 4 + 4  # cells, two concepts and two tasks
    assert {len(row) for row in found.hyperparameters.values()} == {4 + 2 + n_groups + 1}


def test_a_preview_shows_evidence_and_writes_nothing() -> None:
    world = a_search(with_tables(), TABLES)
    found = preview(world.store, world.search)
    assert len(found.accepted.warm_start.sources) == 1
    assert world.store.n_writes == 0


LEDGER = {"ledger": ROOT}
REFUSED = {
    "ratios missing": (
        {"metrics": METRICS},
        "warmStart.0.ratios: s3://tables/ratios.csv does not exist",
    ),
    "metrics missing": (
        {"ratios": RATIOS},
        "warmStart.0.metrics: s3://tables/metrics.csv does not exist",
    ),
    "a sum": (
        {"ratios": RATIOS.replace("0.7,", "0.9,"), "metrics": METRICS},
        "s3://tables/ratios.csv:5: spec.search.warmStart.0.ratios: the weights of run 'd' sum to",
    ),
    "a cell": (
        {"ratios": RATIOS, "metrics": METRICS.replace("1.25", "high")},
        "s3://tables/metrics.csv:3: spec.search.warmStart.0.metrics: first: 'high' is not a number",
    ),
    "no text": (
        {"ratios": RATIOS, "metrics": b"run,first\na,\xff"},
        "s3://tables/metrics.csv:2: spec.search.warmStart.0.metrics: this is not UTF-8 text",
    ),
    "no run in both": (
        {"ratios": RATIOS, "metrics": "run,first\ne,1\n"},
        "spec.search.warmStart.0: no run is in both tables",
    ),
    "no domain": (
        {"ratios": RATIOS.replace("chart", "map").replace("photo", "video"), "metrics": METRICS},
        (
            "has map.caption, map.vqa, video.caption, audio.vqa; this search has chart.caption, "
            "chart.vqa, photo.caption, photo.vqa"
        ),
    ),
    "one domain": (
        {"ratios": RATIOS.replace("chart", "map"), "metrics": METRICS},
        "warmStart.0.ratios: fewer than 2 of its domains are this search's",
    ),
    "no benchmark": (
        {"ratios": RATIOS, "metrics": METRICS.replace("first", "1st").replace("second", "2nd")},
        (
            "spec.search.warmStart.0.metrics: it measures none of this search's benchmarks: "
            "s3://tables/metrics.csv has 2nd, other, 1st; this search has first, second"
        ),
    ),
    "one mixture": (
        {"ratios": "run,chart,photo\na,0.5,0.5\nb,0.5,0.5\n", "metrics": METRICS},
        "warmStart.0.ratios: s3://tables/ratios.csv has no two mixtures that tell of first, second",
    ),
}


@pytest.mark.parametrize(("tables", "words"), REFUSED.values(), ids=REFUSED)
def test_tables_that_tell_nothing_are_refused(tables: dict[str, Any], words: str) -> None:
    store = with_tables(**({"ratios": "", "metrics": ""} | tables))
    for name in TABLES.keys() - tables.keys():
        del store.objects[TABLES[name]]
    with pytest.raises(SpecError) as refusal:
        sources(a_search(store, TABLES))
    assert words in str(refusal.value)
    assert refusal.value.hint
    assert not any(uri.startswith(ROOT) for uri in store.objects), "nothing was written"


def test_a_ledger_without_trials_is_refused() -> None:
    first = World()
    first.driver()
    with pytest.raises(SpecError, match=r"warmStart\.0\.ledger: .* has no two mixtures"):
        sources(a_search(first.store, LEDGER))


def test_a_ledger_of_other_definitions_is_refused_with_both_sides() -> None:
    first = finished()
    other = a_corpus_like(first.store, "other", lambda domain: None)
    with pytest.raises(SpecError) as refusal:
        sources(a_search(first.store, LEDGER, corpus={"manifest": other}))
    assert "spec.search.warmStart.0.ledger: fewer than 2 of its domains" in str(refusal.value)
    assert "`definition`" in refusal.value.hint


def test_a_ledger_of_other_benchmarks_is_refused_with_both_sides() -> None:
    first = finished(objective__benchmarks=[{"name": "first"}])
    changes = {"objective__benchmarks": [{"name": "second"}], "proxy__trainer": OTHER_TRAINER}
    with pytest.raises(SpecError, match="has first; this search has second"):
        sources(a_search(first.store, LEDGER, **changes))


def test_a_ledger_of_a_newer_version_is_refused() -> None:
    first = finished()
    uri = f"{first.root}/search.json"
    record = json.loads(first.store.objects[uri])
    record["document"]["spec"]["newer"] = True
    first.store.objects[uri] = json.dumps(record).encode()
    with pytest.raises(HistoryMismatch, match="newer"):
        sources(a_search(first.store, LEDGER))


def test_a_search_that_is_not_there_is_refused() -> None:
    world = a_search(MemoryStore(), {"search": "other"})
    with pytest.raises(SpecError, match=r"warmStart\.0\.search: there is no search other here"):
        accept_with(world, {})


def test_a_search_in_another_store_is_refused() -> None:
    world = a_search(MemoryStore(), {"search": "other"})
    with pytest.raises(SpecError, match=r"warmStart\.0\.search: no search lies under") as refusal:
        accept_with(world, {"other": "s3://elsewhere/uid"})
    assert "one store" in refusal.value.hint
