"""A search at its limits: 128 domains and 32 benchmarks with the longest names, any trials."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import yaml

from fakes import MemoryStore
from mixatlas.contract.canonical import canonical_json, sha256_hex
from mixatlas.contract.manifest import (
    BenchmarkEntry,
    BenchmarkManifest,
    CorpusManifest,
    Domain,
    ItemShard,
    Shard,
    TokenizerRef,
)
from mixatlas.contract.metrics import Metric
from mixatlas.contract.mixture import Mixture
from mixatlas.contract.result import Progress, Score
from mixatlas.contract.trial import DomainWeight, Purpose
from mixatlas.driver.accept import accept
from mixatlas.ledger.records import (
    AttemptRecord,
    BasedOn,
    Flag,
    Gain,
    Interval,
    NearOptimal,
    ObjectiveRecord,
    OutcomeClass,
    PlannedTrial,
    PredictionRecord,
    RoundKind,
    RoundRecord,
    TrialOutcome,
    WinnerRecord,
    cells_of,
    weights_of,
)
from mixatlas.plan.observed import Accepted, AttemptState, Observed
from mixatlas.plan.recording import LARGEST_ROUND
from mixatlas.spec.load import load_search
from mixatlas.spec.model import MixtureSearch

DOMAINS = tuple(f"{'c' * 27}{i:03d}.classification" for i in range(128))
BENCHMARKS = tuple(f"{'b' * 61}{i:02d}" for i in range(32))
ZEROS = "0" * 64
LONG = "what the trainer said last, word for word; " * 96
"""As long as a termination message may be."""


def a_large_search(n_trials: int, *, n_running: int = 0) -> Observed:
    """Return a search of which all is told that a status tells, at its longest.

    It has a winner, two doubts about each benchmark, a trouble of its own and, when nothing
    runs any more, more failed trials than it may have.

    Args:
        n_trials: Trials of the search stage, at least 8.
        n_running: How many of them have not ended.
    """
    accepted = _accepted(n_trials)
    mixture = _mixture()
    n_ended = n_trials - n_running
    weights = weights_of(mixture, accepted.view)
    planned = _planned(weights, n_trials)
    observed = Observed(
        accepted=accepted,
        live=accepted.search,
        rounds=tuple(
            _round(i // LARGEST_ROUND + 1, planned[i : i + LARGEST_ROUND])
            for i in range(0, n_trials, LARGEST_ROUND)
        ),
        outcomes=_outcomes(planned[:n_ended]),
        objective=_objective(),
        predictions=(_predictions(),),
        winners=(_winner(weights),),
        attempts=tuple(_attempt(p) for p in planned[n_ended:]),
        progress={p.trial: _progress() for p in planned[n_ended:]},
        degraded=("StorageUnavailable", LONG),
    )
    if n_running:
        return observed
    budget = accepted.search.spec.budget.model_copy(update={"max_failed_trials": 4})
    spec = accepted.search.spec.model_copy(update={"budget": budget})
    return replace(observed, live=accepted.search.model_copy(update={"spec": spec}))


@cache
def _accepted(n_trials: int) -> Accepted:
    store = MemoryStore()
    _store_corpus(store)
    root = f"s3://{'b' * 63}/{'p' * 256}/{'n' * 63}/{'s' * 40}/uid"
    return accept(store, _document(n_trials), uid="uid", root=root, image="")


def _document(n_trials: int) -> MixtureSearch:
    plain = {
        "apiVersion": "mixatlas.dev/v1alpha1",
        "kind": "MixtureSearch",
        "metadata": {"name": "s" * 40},
        "spec": {
            "corpus": {"manifest": "s3://corpora/large/manifest.json"},
            "target": {"tokens": 10**12, "parameters": 10**10},
            "objective": {"benchmarks": [{"name": name} for name in BENCHMARKS]},
            "search": {"maxTrials": n_trials, "initialTrials": 4, "parallelism": 64},
            "proxy": {
                "tokens": 10**6,
                "base": {"checkpoint": "s3://models/base"},
                "trainer": {"globalBatchTokens": 1000},
            },
            "output": {"configMap": "m" * 253},
        },
    }
    return load_search(yaml.safe_dump(plain))


def _store_corpus(store: MemoryStore) -> None:
    entries = []
    for name in BENCHMARKS:
        manifest = BenchmarkManifest(
            name=name,
            metric=Metric.TOKEN_NLL,
            chance=2.5,
            items=80,
            shards=(ItemShard(url="items.tar", sha256=ZEROS, items=80),),
        )
        store.objects[f"s3://corpora/large/{name}.json"] = manifest.to_bytes()
        digest = sha256_hex(manifest.to_bytes())
        entries.append(BenchmarkEntry(name=name, manifest=f"{name}.json", sha256=digest))
    corpus = CorpusManifest(
        domains=tuple(
            Domain(
                name=name,
                definition=ZEROS,
                content=ZEROS,
                concept=name.partition(".")[0],
                task="classification",
                samples=1000,
                tokens=10**6,
                supervised_tokens=1000,
                shards=(Shard(url="0.tar", sha256=ZEROS, bytes=1, samples=1000, tokens=10**6),),
            )
            for name in DOMAINS
        ),
        tokenizer=TokenizerRef(url="tokenizer", sha256=ZEROS),
        image_tokens=16,
        benchmarks=tuple(entries),
    )
    store.objects["s3://corpora/large/manifest.json"] = corpus.to_bytes()
    store.objects["s3://models/base/config.json"] = b"{}"
    store.objects["s3://models/base/model.safetensors"] = b"weights"


def _mixture() -> Mixture:
    return Mixture.nearest({name: 1000 + i for i, name in enumerate(DOMAINS)})


def _planned(weights: tuple[DomainWeight, ...], n: int) -> list[PlannedTrial]:
    """Return copies of one trial: to validate thousands of 128 weights would take seconds."""
    first = PlannedTrial(
        trial=1,
        purpose=Purpose.PROPOSED,
        mixture=weights,
        seed=1,
        k=1,
        digest=ZEROS,
    )
    return [first.model_copy(update={"trial": number}) for number in range(1, n + 1)]


def _round(number: int, trials: list[PlannedTrial]) -> RoundRecord:
    return RoundRecord(
        round=number,
        kind=RoundKind.PROPOSED,
        basis="surrogate",
        why="",
        fidelity=10**6,
        trials=tuple(trials),
    )


def _outcomes(planned: Sequence[PlannedTrial]) -> tuple[TrialOutcome, ...]:
    """Return one outcome each: the last four failed."""
    score = Score(metric=Metric.TOKEN_NLL, value=4 / 3, sem=0.01, n=80, chance=2.5)
    attempt = AttemptRecord(
        pod_uid="pod", attempt=1, counted=True, start=0.0, end=1e6, gpu_seconds=1e6 / 3
    )
    ok = TrialOutcome(
        trial=1,
        digest=ZEROS,
        purpose=Purpose.PROPOSED,
        mixture=planned[0].mixture,
        seed=1,
        tokens=10**6,
        image_id="sha256:0",
        outcome=OutcomeClass.OK,
        attempts=(attempt,),
        scores=dict.fromkeys(BENCHMARKS, score),
        seconds=1e6 / 3,
        flops=1e18 / 3,
    )
    failed = {"outcome": OutcomeClass.FAILED, "scores": {}, "reason": LONG}
    return (
        *(ok.model_copy(update={"trial": trial.trial}) for trial in planned[:-4]),
        *(ok.model_copy(update={"trial": trial.trial, **failed}) for trial in planned[-4:]),
    )


def _attempt(planned: PlannedTrial) -> AttemptState:
    return AttemptState(
        name=f"attempt-{planned.trial}",
        trial=planned.trial,
        attempt=3,
        digest=planned.digest,
        pod_uid="pod",
        image_id="sha256:0",
        phase="running",
    )


def _progress() -> Progress:
    return Progress(
        trial_digest=ZEROS,
        phase="evaluating",
        step=1000,
        tokens=10**6,
        total_tokens=10**6,
        tokens_per_second=123456.7,
        seconds=1e6,
    )


def _objective() -> ObjectiveRecord:
    each = dict.fromkeys(BENCHMARKS, 1.0 / 3.0)
    return ObjectiveRecord(
        scale="Normalized",
        reference="natural",
        metrics=dict.fromkeys(BENCHMARKS, Metric.TOKEN_NLL),
        weights=each,
        chance=each,
        means=each,
        seed_sd=each,
        degrees_of_freedom=1.0,
        flags=tuple(
            Flag(benchmark=name, name=doubt, value=1 / 3, threshold=2 / 3, remedy="r" * 160)
            for name in BENCHMARKS
            for doubt in ("AtChance", "NoisyBenchmark")
        ),
    )


def _predictions() -> PredictionRecord:
    near = NearOptimal(share=1 / 3, reach=1 / 7, sampled=1024, tried=2000, eligible=2000)
    return PredictionRecord(revision=1, based_on=BasedOn(), seeds=2, arms=(), near_optimal=near)


def _winner(weights: tuple[DomainWeight, ...]) -> WinnerRecord:
    interval = Interval(mean=-1 / 3000, lower=-1 / 1700, upper=1 / 70000)
    gain = Gain(objective=interval, benchmarks=dict.fromkeys(BENCHMARKS, interval))
    return WinnerRecord(
        revision=1,
        trial=1,
        mixture=weights,
        digest=cells_of(weights).digest,
        gain_shown=True,
        gains=dict.fromkeys(("reference", "natural", "uniform"), gain),
        benchmarks=dict.fromkeys(BENCHMARKS, 1.0 / 3.0),
        probability_best=1.0 / 3.0,
        arms=(),
        why="the highest confirmed gain over the reference, its interval above 0",
    )


def size_of(status: object) -> int:
    """Return the bytes of a status as the API server stores it."""
    return len(canonical_json(status))
