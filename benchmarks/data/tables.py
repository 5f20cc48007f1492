"""The tables of this folder, ready to be split: weights on the simplex, metrics, targets.

Notation: n runs, d domains, m metrics.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

HERE = Path(__file__).parent
REGMIX_TARGETS = (
    "arxiv", "dm_mathematics", "github", "pile_cc", "pubmed_central", "stackexchange",
    "wikipedia_en",
)  # fmt: skip
BLIND_BITS = {
    "bits_AnimalQA": 0.964,
    "bits_Refer": 1.669,
    "bits_TextRead": 4.064,
    "bits_DocQA": 2.375,
    "bits_ChartQA": 1.455,
    "bits_ScreenQA": 1.188,
}
"""Bits of a predictor that sees no image: the normalised objective divides by them."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """What is ranked: a weighted sum of metrics, lower is better."""

    name: str
    weight_m: FloatArray


@dataclass(frozen=True, kw_only=True)
class Split:
    """Rows seen and rows to be ranked."""

    seen: IntArray
    unseen: IntArray


@dataclass(frozen=True, kw_only=True)
class Runs:
    """Finished runs alone; weights sum to 1, metrics are lower the better."""

    domains: tuple[str, ...]
    metrics: tuple[str, ...]
    W_nd: FloatArray
    Y_nm: FloatArray


@dataclass(frozen=True, kw_only=True)
class Table:
    """Finished runs.

    Args:
        name: For people.
        domains: The `d` columns of weights.
        metrics: The `m` columns of values.
        W_nd: Weights, rows sum to 1.
        Y_nm: Metrics, lower is better.
        targets: What is ranked.
        sizes: Numbers of seen runs.
        split: From (size, seed) to rows; equal arguments give equal splits.
        n_splits: How many seeds there are at most.
    """

    name: str
    domains: tuple[str, ...]
    metrics: tuple[str, ...]
    W_nd: FloatArray
    Y_nm: FloatArray
    targets: tuple[Target, ...]
    sizes: tuple[int, ...]
    split: Callable[[int, int], Split]
    n_splits: int

    def splits(self, size: int, n: int) -> Iterator[Split]:
        """Yield the first `n` splits of a size; a larger size of one seed contains a smaller."""
        for seed in range(min(n, self.n_splits)):
            yield self.split(size, seed)


def regmix() -> Table:
    """Pile mixtures of RegMix at 1M parameters: 512 runs to see from, 256 to be ranked."""
    parts = [_regmix_part(part) for part in ("train", "test")]
    (domains, metrics, W_seen, Y_seen), (_, _, W_unseen, Y_unseen) = parts
    n_seen, n_unseen = len(W_seen), len(W_unseen)

    def split(size: int, seed: int) -> Split:
        order = np.random.default_rng([seed, 17]).permutation(n_seen)
        return Split(seen=order[:size], unseen=np.arange(n_seen, n_seen + n_unseen))

    return Table(
        name="regmix",
        domains=domains,
        metrics=metrics,
        W_nd=np.concatenate([W_seen, W_unseen]),
        Y_nm=np.concatenate([Y_seen, Y_unseen]),
        targets=(
            *(each_of(metrics)[metrics.index(name)] for name in REGMIX_TARGETS),
            mean_of(metrics),
        ),
        sizes=(32, 64, 128),
        split=split,
        n_splits=50,
    )


def olmix() -> Table:
    """Sparse web-topic mixtures of Olmix: the mean of 110 metrics, and 20 of them."""
    ratios, domains = _read(HERE / "olmix" / "dclm_ratios.csv", skip=("", "run", "name", "index"))
    values, names = _read(HERE / "olmix" / "dclm_metrics.csv", skip=("", "run", "name", "index"))
    by_run = {row["run"]: row for row in values}
    Y_all = np.array([[float(by_run[row["run"]][name]) for name in names] for row in ratios])
    # Twenty metrics evenly over the alphabet: no choice of ours. The mean is a metric of its own.
    chosen = [int(i) for i in np.linspace(0, len(names) - 1, 20).round()]
    metrics = (*(names[i] for i in chosen), "mean")
    return Table(
        name="olmix",
        domains=domains,
        metrics=metrics,
        W_nd=_weights(ratios, domains),
        Y_nm=np.column_stack([Y_all[:, chosen], Y_all.mean(axis=1)]),
        targets=each_of(metrics),
        sizes=(32, 64),
        split=partial(random_split, len(ratios)),
        n_splits=50,
    )


def demo() -> Table:
    """The demo's searches: the first runs of one search are seen, all runs of others ranked."""
    ratios, domains = _read(HERE / "demo" / "ratios.csv", skip=("run", "name"))
    values, names = _read(HERE / "demo" / "metrics.csv", skip=("run", "name", "seed"))
    metrics = tuple(name for name in names if name in BLIND_BITS)
    search_n = np.array([row["name"] for row in ratios])
    searches = [s for s in dict.fromkeys(search_n) if s not in {"uniform", "natural", "random"}]

    def split(size: int, seed: int) -> Split:
        of_one = search_n == searches[seed]
        return Split(seen=np.flatnonzero(of_one)[:size], unseen=np.flatnonzero(~of_one))

    blind_m = np.array([BLIND_BITS[name] for name in metrics])
    return Table(
        name="demo",
        domains=domains,
        metrics=metrics,
        W_nd=_weights(ratios, domains),
        Y_nm=np.array([[float(row[name]) for name in metrics] for row in values]),
        targets=(
            *each_of(metrics),
            Target(name="objective", weight_m=1 / blind_m / len(metrics)),
        ),
        sizes=(10, 16, 24),
        split=split,
        n_splits=len(searches),
    )


def fresh() -> Table:
    """A random search of today's demo, run when the surrogate was done: nothing is tuned to it."""
    ratios, domains = _read(HERE / "fresh" / "ratios.csv", skip=("run",))
    values, metrics = _read(HERE / "fresh" / "metrics.csv", skip=("run",))
    return Table(
        name="fresh",
        domains=domains,
        metrics=metrics,
        W_nd=_weights(ratios, domains),
        Y_nm=np.array([[float(row[name]) for name in metrics] for row in values]),
        targets=(*each_of(metrics), mean_of(metrics)),
        sizes=(16, 32),
        split=partial(random_split, len(ratios)),
        n_splits=50,
    )


TABLES: dict[str, Callable[[], Table]] = {
    "regmix": regmix,
    "olmix": olmix,
    "demo": demo,
    "fresh": fresh,
}


def each_of(metrics: Sequence[str]) -> tuple[Target, ...]:
    """Rank every metric by itself."""
    eye = np.eye(len(metrics))
    return tuple(Target(name=name, weight_m=eye[i]) for i, name in enumerate(metrics))


def mean_of(metrics: Sequence[str]) -> Target:
    """Rank the metrics' mean."""
    return Target(name="mean", weight_m=np.full(len(metrics), 1 / len(metrics)))


def random_split(n: int, size: int, seed: int) -> Split:
    """Split `n` rows: the first of a random order are seen, all others unseen."""
    order = np.random.default_rng([seed, 24]).permutation(n)
    return Split(seen=order[:size], unseen=order[size:])


def regmix_runs(size: Literal["1m", "60m", "1B"]) -> Runs:
    """Runs of RegMix at one size: those to see from at 1M parameters, else those to be ranked."""
    domains, metrics, W_nd, Y_nm = _regmix_part("train" if size == "1m" else "test", size)
    return Runs(domains=domains, metrics=metrics, W_nd=W_nd, Y_nm=Y_nm)


def _regmix_part(
    part: str, size: str = "1m"
) -> tuple[tuple[str, ...], tuple[str, ...], FloatArray, FloatArray]:
    ratios, columns = _read(HERE / "regmix" / f"{part}_mixture_{size}.csv", skip=("index",))
    values, losses = _read(HERE / "regmix" / f"{part}_pile_loss_{size}.csv", skip=("index",))
    by_index = {row["index"]: row for row in values}
    return (
        tuple(column.removeprefix("train_the_pile_") for column in columns),
        tuple(c.removeprefix("metric/the_pile_").removesuffix("_val_loss") for c in losses),
        _weights(ratios, columns),
        np.array([[float(by_index[row["index"]][c]) for c in losses] for row in ratios]),
    )


def _read(path: Path, *, skip: Sequence[str]) -> tuple[list[dict[str, str]], tuple[str, ...]]:
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return rows, tuple(column for column in rows[0] if column not in skip)


def _weights(rows: Sequence[dict[str, str]], columns: Sequence[str]) -> FloatArray:
    W_nd = np.array([[float(row[column]) for column in columns] for row in rows])
    return np.asarray(W_nd / W_nd.sum(axis=1, keepdims=True))
