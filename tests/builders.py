"""Values that many tests need, each with sensible defaults."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mixatlas.contract.canonical import sha256_hex
from mixatlas.contract.manifest import Domain, Shard
from mixatlas.contract.metrics import Metric
from mixatlas.contract.mixture import Mixture
from mixatlas.contract.seeds import seed_for
from mixatlas.ledger.evidence import Source
from mixatlas.ledger.history import History
from mixatlas.ledger.records import ObjectiveRecord
from mixatlas.objective.fixing import fix_objective
from mixatlas.objective.scale import Benchmark
from mixatlas.space.build import build_space
from mixatlas.space.space import MixtureSpace
from mixatlas.spec.view import Axis, View

TWO_BENCHMARKS = (
    Benchmark(name="answers", metric=Metric.EXACT_MATCH, weight=1.0, chance=0.1),
    Benchmark(name="loss", metric=Metric.TOKEN_NLL, weight=1.0, chance=2.0),
)


def a_cell(name: str, *, tokens: int = 9, definition: str = "0" * 64) -> Domain:
    """Return one domain of a manifest; its content differs from its definition."""
    concept, task = name.split(".")
    shard = Shard(url="a.tar", sha256="0" * 64, bytes=1, samples=1, tokens=tokens)
    return Domain(
        name=name,
        definition=definition,
        content=sha256_hex(definition.encode()),
        concept=concept,
        task=task,  # type: ignore[arg-type]
        samples=1,
        tokens=tokens,
        supervised_tokens=3,
        shards=(shard,),
    )


def a_view(*names: str, axes: Sequence[Axis] = ("concept", "task")) -> View:
    """Return the view of a manifest with these cells."""
    return View.of([a_cell(name) for name in names], axes)


def a_space(n_concepts: int = 2, n_tasks: int = 3) -> MixtureSpace:
    """Return the whole simplex over a grid of concepts and tasks."""
    tasks = ("caption", "ocr", "grounding", "detection", "vqa")[:n_tasks]
    concepts = ("animal", "chart", "document", "screen")[:n_concepts]
    names = [f"{concept}.{task}" for concept in concepts for task in tasks]
    return build_space(tokens={name: 1000 * (i + 1) for i, name in enumerate(sorted(names))})


def true_scores(W_nd: np.ndarray) -> np.ndarray:
    """Return scores (n, 2) of `TWO_BENCHMARKS` without noise: each gains less from more tokens.

    The first domains teach the answers, the last ones lower the loss, those between little.
    """
    d = W_nd.shape[1]
    learnt_nd = 1.0 - (1.0 + 4.0 * d * W_nd) ** -0.5
    need_d = 0.3 ** np.arange(d) / (0.3 ** np.arange(d)).sum()
    answers = 0.1 + 0.8 * learnt_nd @ need_d
    loss = 2.0 - 1.8 * learnt_nd @ need_d[::-1]
    return np.column_stack([answers, -loss])


def a_scored_history(
    mixtures: Sequence[Mixture], *, noise: float = 0.004, diverged: Sequence[int] = ()
) -> History:
    """Return a history in which trial i + 1 trained mixture i; `diverged` names rows."""
    W_nd = np.array([mixture.fractions for mixture in mixtures])
    luck = [
        np.random.default_rng(seed_for(1, "search", i + 1)).standard_normal(2)
        for i in range(len(mixtures))
    ]
    Y_nm = true_scores(W_nd) + noise * np.array(luck)
    Y_nm[:, 1] = np.minimum(Y_nm[:, 1], -1e-3)
    is_diverged = np.isin(np.arange(len(mixtures)), list(diverged))
    Y_nm[is_diverged] = np.nan
    return History(
        domains=mixtures[0].domains,
        benchmarks=tuple(b.name for b in TWO_BENCHMARKS),
        trials=tuple(range(1, len(mixtures) + 1)),
        mixtures=tuple(mixtures),
        W_nd=W_nd,
        Y_nm=Y_nm,
        V_nm=np.where(np.isfinite(Y_nm), 1e-6, np.nan),
        diverged_n=is_diverged,
    )


def an_objective(history: History) -> ObjectiveRecord:
    """Fix the objective of `a_scored_history`; its first mixture is the reference."""
    return fix_objective(
        history,
        TWO_BENCHMARKS,
        scale="Normalized",
        reference="natural",
        reference_mixture=history.mixtures[0],
    )


def a_source(
    ours: Sequence[str],
    W_nc: np.ndarray,
    Y_nm: np.ndarray,
    *,
    domains: Sequence[str] | None = None,
    metrics: Sequence[str] = ("answers", "loss"),
    shares: np.ndarray | None = None,
) -> Source:
    """Return runs of elsewhere, over domains of the same names unless others are given."""
    domains = tuple(ours if domains is None else domains)
    if shares is None:
        shares = np.array([[float(name == domain) for domain in domains] for name in ours])
    return Source(
        field="spec.search.warmStart.0",
        origin=("s3://tables/ratios.csv",),
        sha256=("0" * 64,),
        domains=domains,
        weights=tuple(map(tuple, W_nc.tolist())),
        metrics=tuple(metrics),
        scores=tuple(
            tuple(value if np.isfinite(value) else None for value in row) for row in Y_nm.tolist()
        ),
        ours=tuple(ours),
        shares=tuple(map(tuple, shares.tolist())),
        n_found=len(W_nc),
    )
