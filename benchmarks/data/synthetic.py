"""Synthetic problems and tables of runs: laws whose optimum is known.

A benchmark needs a skill of each domain, and its loss falls by a power law with what feeds the
skill: the domain's own weight, and a part of the weight of domains that help. Harmful domains add
to every loss. All of it is convex, so a mixture where no step leads down is the true optimum.

Notation: n mixtures, d domains, m benchmarks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Self

import numpy as np
from data.tables import FloatArray, Table, each_of, mean_of, random_split

KINDS = ("interior", "face")
TASKS = ("caption", "ocr", "grounding", "detection", "vqa", "classification")
BENCHMARKS = ("alpha", "beta", "gamma")
DOMAINS = (5, 22, 50)
NOISES = (0.0, 0.02, 0.10, 0.50)
N_RUNS = 320


@dataclass(frozen=True, kw_only=True)
class Law:
    """True losses of any mixture.

    Args:
        need_md: How much each benchmark needs each domain's skill.
        help_dd: How much weight of the row's domain feeds the column's skill; 1 on the diagonal.
        harm_d: What a domain adds to every loss at weight 1.
    """

    need_md: FloatArray
    help_dd: FloatArray
    harm_d: FloatArray

    @classmethod
    def alone(cls, need_md: FloatArray) -> Self:
        """Build the law of domains that neither help each other nor harm."""
        d = need_md.shape[1]
        return cls(need_md=need_md, help_dd=np.eye(d), harm_d=np.zeros(d))

    def __call__(self, W_nd: FloatArray) -> FloatArray:
        """Return the losses (n, m)."""
        left_nd = (1.0 + W_nd @ self.help_dd * W_nd.shape[1] * 4.0) ** -0.5
        return np.asarray(0.3 + 1.5 * left_nd @ self.need_md.T + (W_nd @ self.harm_d)[:, None])


def domain_names(d: int) -> tuple[str, ...]:
    """Name domains: `concept.task` from 10 on."""
    if d < 10:
        return tuple(f"domain-{i}" for i in range(d))
    n_concepts = -(-d // len(TASKS))
    return tuple([f"concept-{c}.{t}" for c in range(n_concepts) for t in TASKS][:d])


def a_law(d: int, kind: str, seed: int) -> tuple[Law, FloatArray]:
    """Draw a law and its optimum (d,), which the mean loss of the benchmarks has there.

    On `face` half of the domains are useless, every other of those harmful; on `interior` no weight
    of the optimum is 0. The optimum is drawn first, and the needs are those that make the slope
    alike for every useful domain there. Which domain helps which is drawn whatever the grid says:
    the names promise more than they keep.
    """
    rng = np.random.default_rng([d, KINDS.index(kind), seed, 31])
    useless, useful = np.split(rng.permutation(d), [d // 2 if kind == "face" else 0])
    best_d, help_dd, harm_d, need_d = np.zeros(d), np.zeros((d, d)), np.zeros(d), np.zeros(d)
    best_d[useful] = 0.3 / len(useful) + 0.7 * rng.dirichlet(np.ones(len(useful)))
    for one in useful:
        others = rng.choice(useful[useful != one], size=2, replace=False)
        help_dd[one, others] = rng.uniform(0.1, 0.24, size=2)
    np.fill_diagonal(help_dd, 1.0)
    harm_d[useless[::2]] = rng.uniform(0.5, 1.5, size=len(useless[::2]))
    # What a domain gives sums to less than 0.5, so each solution of this is positive.
    slope_u = np.linalg.solve(help_dd[np.ix_(useful, useful)], np.ones(len(useful)))
    need_d[useful] = slope_u * (1.0 + 4.0 * d * (best_d @ help_dd)[useful]) ** 1.5
    need_d /= need_d.sum()
    share_dm = rng.dirichlet(np.ones(len(BENCHMARKS)), size=d)
    need_md = len(BENCHMARKS) * need_d * share_dm.T
    return Law(need_md=need_md, help_dd=help_dd, harm_d=harm_d), best_d


def synthetic(d: int, kind: str, noise: float, seed: int = 0) -> Table:
    """Draw a table: mixtures from dense to sparse, each metric with noise of its own.

    Args:
        d: Domains.
        kind: Where the optimum lies.
        noise: Sd of a measurement, as a share of the metric's range over the runs.
        seed: Of law, mixtures and noise.
    """
    law, _ = a_law(d, kind, seed)
    rng = np.random.default_rng([d, KINDS.index(kind), seed, 32])
    concentration_n = np.exp(rng.uniform(np.log(0.1), np.log(2.0), size=N_RUNS))
    W_nd = np.array([rng.dirichlet(np.full(d, c)) for c in concentration_n])
    W_nd[W_nd < 0.002] = 0.0
    W_nd /= W_nd.sum(axis=1, keepdims=True)
    true_nm = law(W_nd)
    luck_nm = rng.standard_normal(true_nm.shape)
    return Table(
        name=_name(d, kind, noise),
        domains=domain_names(d),
        metrics=BENCHMARKS,
        W_nd=W_nd,
        Y_nm=true_nm + noise * np.ptp(true_nm, axis=0) * luck_nm,
        targets=(
            *each_of(BENCHMARKS),
            mean_of(BENCHMARKS),
        ),
        sizes=(32, 64),
        split=partial(random_split, N_RUNS),
        n_splits=50,
    )


def _name(d: int, kind: str, noise: float) -> str:
    return f"{kind}-{d}-{100 * noise:.0f}"


SYNTHETIC: Mapping[str, Callable[[], Table]] = {
    _name(d, kind, noise): partial(synthetic, d, kind, noise)
    for d in DOMAINS
    for kind in KINDS
    for noise in NOISES
}
"""By name: where the optimum lies, domains, noise in percent of the range."""
