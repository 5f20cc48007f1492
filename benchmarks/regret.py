"""Regret of proposals on synthetic mixture problems: ours against Sobol and random points.

    PYTHONPATH=operator python benchmarks/regret.py [--quick] [--seeds 5] [--domains 5 10]
    PYTHONPATH=operator python benchmarks/regret.py --count 10000     # infeasible proposals

A problem has 3 benchmarks whose losses fall with each domain's weight by a power law. On `interior`
problems every domain is of use, on `face` problems half of them are not, so the optimum has zeros.
Every method gets the same baselines, the same 32 trials and the same surrogate to say which tried
mixture is best; its regret is how far that mixture's true objective lies below the optimum, as a
share of the range over uniform mixtures. Noise is the sd of a trial's objective, in the same unit.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from data.synthetic import BENCHMARKS, KINDS, TASKS, Law, domain_names
from numpy.typing import NDArray
from scipy.optimize import minimize

from mixatlas.contract.metrics import Metric
from mixatlas.contract.mixture import Mixture
from mixatlas.contract.seeds import seed_for
from mixatlas.ledger.history import History
from mixatlas.objective.fixing import fix_objective
from mixatlas.objective.scale import Benchmark, Scale
from mixatlas.propose.propose import propose
from mixatlas.propose.values import ProposeSettings
from mixatlas.space.build import Group, build_space
from mixatlas.space.design import Method, initial_design
from mixatlas.space.space import MixtureSpace

FloatArray = NDArray[np.float64]

DOMAINS = (5, 10, 22, 30)
NOISES = (0.02, 0.10)
BAR_OF_NOISE = {0.02: 0.5, 0.10: 1.0}
"""Share of the other methods' least regret that ours must stay below."""
METHODS: tuple[Method, ...] = ("Bayesian", "Sobol", "Random")
N_TRIALS, N_DESIGN, BATCH = 32, 10, 2


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A synthetic search: true losses of any mixture, and the noise of one trial."""

    space: MixtureSpace
    law: Law
    benchmarks: tuple[Benchmark, ...]
    noise_m: FloatArray
    best: float
    spread: float

    def objective(self, W_nd: FloatArray) -> FloatArray:
        """Return the true objective (n,)."""
        return Scale.normalized(self.benchmarks).objective(-self.law(W_nd))


def a_problem(d: int, kind: str, noise: float, seed: int) -> Problem:
    """Build one problem; the same arguments give the same one."""
    rng = np.random.default_rng([d, KINDS.index(kind), seed])
    space = build_space(tokens={n: int(1e6 * np.exp(rng.normal())) for n in domain_names(d)})
    need_md = rng.dirichlet(np.full(d, 0.7), size=len(BENCHMARKS))
    if kind == "face":
        need_md[:, rng.permutation(d)[: d // 2]] = 0.0
        need_md /= need_md.sum(axis=1, keepdims=True)
    law = Law.alone(need_md)
    benchmarks = tuple(
        Benchmark(name=n, metric=Metric.TOKEN_NLL, weight=1.0, chance=1.8) for n in BENCHMARKS
    )
    scale = Scale.normalized(benchmarks)
    uniform = rng.dirichlet(np.ones(d), size=4096)
    values = scale.objective(-law(uniform))
    spread = float(np.ptp(values))
    found = minimize(
        lambda w: -float(scale.objective(-law(w[None, :]))[0]),
        uniform[values.argmax()],
        bounds=[(0.0, 1.0)] * d,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1.0},
        method="SLSQP",
        options={"maxiter": 500, "ftol": 1e-12},
    )
    noise_m = noise * spread / (scale.slopes_m * np.sqrt(len(BENCHMARKS)))
    return Problem(
        space=space,
        law=law,
        benchmarks=benchmarks,
        noise_m=noise_m,
        best=-float(found.fun),
        spread=spread,
    )


def measure(problem: Problem, mixtures: Sequence[Mixture], *, seed: int) -> History:
    """Train all mixtures: trial i has its own seed, whatever method asked for it."""
    W_nd = np.array([mixture.fractions for mixture in mixtures])
    luck_nm = np.array(
        [
            np.random.default_rng(seed_for(seed, "search", i + 1)).standard_normal(len(BENCHMARKS))
            for i in range(len(mixtures))
        ]
    )
    loss_nm = np.maximum(problem.law(W_nd) + luck_nm * problem.noise_m, 0.01)
    return History(
        domains=problem.space.domains,
        benchmarks=BENCHMARKS,
        trials=tuple(range(1, len(mixtures) + 1)),
        mixtures=tuple(mixtures),
        W_nd=W_nd,
        Y_nm=-loss_nm,
        V_nm=np.zeros_like(loss_nm),
        diverged_n=np.zeros(len(mixtures), dtype=bool),
    )


def train(
    problem: Problem, method: Method, *, seed: int
) -> tuple[History, ProposeSettings, dict[str, Mixture]]:
    """Run the search stage. Returns its trials, what they were asked with, and the baselines."""
    space = problem.space
    baselines = {"natural": space.natural, "uniform": space.uniform}
    n_design = N_DESIGN if method == "Bayesian" else N_TRIALS - 4
    design = initial_design(space, baselines=baselines, n=n_design, seed=seed, method=method)
    mixtures = [point.mixture for point in design]
    mixtures += [space.natural] * 2 + [space.uniform] * 2
    history = measure(problem, mixtures, seed=seed)
    record = fix_objective(
        history,
        problem.benchmarks,
        scale="Normalized",
        reference="natural",
        reference_mixture=space.natural,
    )
    settings = ProposeSettings(objective=record, method=method)
    warm = None
    while history.n < N_TRIALS:
        proposal = propose(
            space,
            history,
            q=min(BATCH, N_TRIALS - history.n),
            seed=seed_for(seed, "propose", history.n),
            warm_start=warm,
            settings=settings,
        )
        warm = proposal.hyperparameters
        history = measure(problem, [*history.mixtures, *proposal.mixtures], seed=seed)
    return history, settings, baselines


def search(problem: Problem, method: Method, *, seed: int) -> float:
    """Run one search and return its relative regret."""
    history, settings, _ = train(problem, method, seed=seed)
    asked = replace(settings, method="Random")
    final = propose(problem.space, history, q=1, seed=seed, settings=asked)
    if final.incumbent is None:
        raise RuntimeError("no tried mixture is feasible")
    chosen = np.array([final.incumbent.mixture.fractions])
    return (problem.best - float(problem.objective(chosen)[0])) / problem.spread


def compare(
    settings: Sequence[tuple[int, str, float]],
    seeds: Sequence[int],
    report: Callable[[dict[str, object]], None],
) -> list[dict[str, object]]:
    """Run every method on every setting and seed; report each setting as it is done."""
    rows: list[dict[str, object]] = []
    for d, kind, noise in settings:
        regret = {
            method: [search(a_problem(d, kind, noise, seed), method, seed=seed) for seed in seeds]
            for method in METHODS
        }
        median = {method: float(np.median(values)) for method, values in regret.items()}
        row: dict[str, object] = {
            "domains": d,
            "optimum": kind,
            "noise": noise,
            "median": median,
            "regret": regret,
            "meets_bar": median["Bayesian"]
            < BAR_OF_NOISE[noise] * min(median["Sobol"], median["Random"]),
        }
        rows.append(row)
        report(row)
    return rows


def count_infeasible(n: int) -> tuple[int, int]:
    """Count infeasible proposals among at least `n` on random polytopes. Returns (bad, all)."""
    bad = total = 0
    k = 0
    while total < n:
        rng = np.random.default_rng(k)
        space = a_polytope(rng)
        problem = replace(a_problem(space.d, "face", 0.05, k), space=space)
        points = initial_design(
            space, baselines={"uniform": space.uniform, "natural": space.natural}, n=12, seed=k
        )
        history = measure(problem, [p.mixture for p in points] + [space.natural] * 2, seed=k)
        record = fix_objective(
            history,
            problem.benchmarks,
            scale="Normalized",
            reference="natural",
            reference_mixture=space.natural,
        )
        proposal = propose(
            space,
            history,
            q=16,
            seed=k,
            settings=ProposeSettings(objective=record, n_starts=1, n_pool=256, n_draws=64),
        )
        bad += sum(not space.contains(mixture) for mixture in proposal.mixtures)
        total += len(proposal.mixtures)
        k += 1
    return bad, total


def a_polytope(rng: np.random.Generator) -> MixtureSpace:
    """Build a random non-empty space: repeat caps, and a group with limits around a point."""
    d = int(rng.integers(5, 13))
    names = [f"c{i}.{task}" for i in range(-(-d // 2)) for task in TASKS[:2]][:d]
    inside = rng.dirichlet(np.ones(d))
    members = sorted(rng.choice(d, size=max(2, d // 3), replace=False))
    share = float(inside[members].sum())
    group = Group(
        name="some",
        domains=tuple(names[i] for i in members),
        min=f"{max(share - 0.1, 0.0):.4f}",
        max=f"{min(share + 0.1, 1.0):.4f}",
    )
    # Caps of at least 1.2 times the point that the group was built around keep it feasible.
    tokens = {name: int(1e6 * (0.02 + w)) for name, w in zip(names, inside, strict=True)}
    return build_space(tokens=tokens, groups=[group], max_repeats="3", target_tokens=1_500_000)


def _print_row(row: dict[str, object]) -> None:
    median = row["median"]
    assert isinstance(median, dict)
    figures = "  ".join(f"{median[m]:8.4f}" for m in METHODS)
    mark = "" if row["meets_bar"] else "  <- above the bar"
    print(
        f"{row['domains']:>7}  {row['optimum']:<8}  {row['noise']:>5}  {figures}{mark}", flush=True
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table, write JSON; exit 1 at a missed bar or an infeasible proposal."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="2 settings, 3 seeds")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--domains", type=int, nargs="+", default=DOMAINS, choices=DOMAINS)
    parser.add_argument("--count", type=int, default=0, help="count infeasible proposals instead")
    parser.add_argument("--json", type=Path, default=None)
    options = parser.parse_args(arguments)
    begun = time.perf_counter()
    if options.count:
        bad, total = count_infeasible(options.count)
        result: dict[str, object] = {"infeasible": bad, "proposals": total}
        print(f"{bad} infeasible of {total} proposals")
        failed = bad > 0
    else:
        settings = [(d, kind, noise) for d in options.domains for kind in KINDS for noise in NOISES]
        if options.quick:
            # At 10 % noise three seeds would tell luck; the full table has those settings.
            settings, options.seeds = [(5, "interior", 0.02), (10, "face", 0.02)], 3
        print(
            f"domains  optimum   noise  {'  '.join(f'{m:>8}' for m in METHODS)}   (median regret)"
        )
        rows = compare(settings, range(1, options.seeds + 1), _print_row)
        result = {"rows": rows}
        failed = not all(row["meets_bar"] for row in rows)
    print(f"{time.perf_counter() - begun:.0f} s")
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
