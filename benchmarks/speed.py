"""Time and memory of one proposal: 8 mixtures for 10 benchmarks over 50 domains.

    PYTHONPATH=operator python benchmarks/speed.py [--quick] [--json speed.json]

Every figure comes from a process of its own and counts neither imports nor a first
call that loads libraries. Memory is the growth of the process's peak over what the imports left.
The peer is BoTorch's default process with its default fit, for one benchmark of the ten, on the
same rows; it only fits, while ours fits ten and proposes. `warm` starts from the hyper-parameters
of the fit with 8 trials fewer.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mixatlas.contract.metrics import Metric
from mixatlas.ledger.history import History
from mixatlas.objective.fixing import fix_objective
from mixatlas.objective.scale import Benchmark
from mixatlas.propose.propose import propose
from mixatlas.propose.values import ProposeSettings
from mixatlas.space.build import build_space
from mixatlas.space.lattice import repair

BENCHMARKS = tuple(f"benchmark-{i}" for i in range(10))
N_CONCEPTS, TASKS = 10, ("caption", "ocr", "grounding", "detection", "vqa")
BATCH = 8
SIZES = (64, 512, 1000, 2000)
PEER_SIZES = (64, 512)
KINDS = ("cold", "warm", "peer")


def problem(n: int) -> History:
    """Return `n` finished trials, the same for the same `n`."""
    rng = np.random.default_rng(0)
    domains = [f"concept-{c}.{t}" for c in range(N_CONCEPTS) for t in TASKS]
    space = build_space(tokens={name: int(1e6 * np.exp(rng.normal())) for name in domains})
    need_md = rng.dirichlet(np.full(space.d, 0.3), size=len(BENCHMARKS))
    centre_d = np.array(space.natural.fractions)
    W_nd = rng.dirichlet(np.maximum(30 * centre_d, 0.05), size=n)
    mixtures = [space.natural, space.natural, *(repair(space, w_d) for w_d in W_nd[2:])]
    W_nd = np.array([mixture.fractions for mixture in mixtures])
    loss_nm = 1 + ((W_nd + 0.01) ** -0.4) @ need_md.T
    loss_nm += 0.02 * rng.normal(size=loss_nm.shape)
    return History(
        domains=space.domains,
        benchmarks=BENCHMARKS,
        trials=tuple(range(1, n + 1)),
        mixtures=tuple(mixtures),
        W_nd=W_nd,
        Y_nm=-loss_nm,
        V_nm=np.full_like(loss_nm, 0.02**2),
        diverged_n=np.zeros(n, dtype=bool),
    )


def first(history: History, n: int) -> History:
    """Return the first `n` trials."""
    return History(
        domains=history.domains,
        benchmarks=history.benchmarks,
        trials=history.trials[:n],
        mixtures=history.mixtures[:n],
        W_nd=history.W_nd[:n],
        Y_nm=history.Y_nm[:n],
        V_nm=history.V_nm[:n],
        diverged_n=history.diverged_n[:n],
    )


def measure_ours(n: int, *, is_warm: bool) -> float:
    """Return seconds of one proposal."""
    history = problem(n)
    space = build_space(tokens=dict.fromkeys(history.domains, 1_000_000))
    benchmarks = tuple(
        Benchmark(name=name, metric=Metric.TOKEN_NLL, weight=1.0, chance=5.0) for name in BENCHMARKS
    )
    record = fix_objective(
        first(history, 16),
        benchmarks,
        scale="Normalized",
        reference="natural",
        reference_mixture=history.mixtures[0],
    )
    settings = ProposeSettings(objective=record)

    def ask(n_seen: int, warm_start: object = None, q: int = BATCH) -> object:
        return propose(
            space, first(history, n_seen), q=q, seed=1, settings=settings, warm_start=warm_start
        ).hyperparameters

    stored = ask(n - BATCH if is_warm else 16, q=1)
    begun = time.perf_counter()
    ask(n, stored if is_warm else None)
    return time.perf_counter() - begun


def measure_peer(n: int) -> float:
    """Return seconds of BoTorch's default fit of one benchmark."""
    import botorch
    import torch
    from gpytorch.mlls import ExactMarginalLogLikelihood

    history = problem(n)
    X = torch.as_tensor(np.log(history.W_nd + 1e-3))
    X = (X - X.min(0).values) / (X.max(0).values - X.min(0).values)
    z = torch.as_tensor(history.Y_nm[:, :1])
    z = (z - z.mean()) / z.std()

    def fit(rows: int) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = botorch.models.SingleTaskGP(X[:rows], z[:rows], outcome_transform=None)
            botorch.fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))

    fit(16)
    begun = time.perf_counter()
    fit(n)
    return time.perf_counter() - begun


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _child(kind: str, n: int) -> None:
    before = _peak_mib()
    seconds = measure_peer(n) if kind == "peer" else measure_ours(n, is_warm=kind == "warm")
    print(json.dumps({"kind": kind, "n": n, "seconds": seconds, "mib": _peak_mib() - before}))


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; write it as JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="64 trials only")
    parser.add_argument("--json", type=Path, default=None)
    parser.add_argument("--child", nargs=2, metavar=("KIND", "N"), help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.child:
        _child(options.child[0], int(options.child[1]))
        return 0
    rows = []
    print(
        f"{'trials':>6}  {'cold s':>7} {'warm s':>7} {'MiB':>6}   {'BoTorch s':>9}  ours / BoTorch"
    )
    for n in SIZES[:1] if options.quick else SIZES:
        found = {}
        for kind in KINDS if n in PEER_SIZES else KINDS[:2]:
            command = [sys.executable, __file__, "--child", kind, str(n)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            found[kind] = json.loads(done.stdout.splitlines()[-1])
        rows += found.values()
        line = f"{n:>6}  {found['cold']['seconds']:>7.2f} {found['warm']['seconds']:>7.2f} "
        line += f"{max(found[kind]['mib'] for kind in KINDS[:2]):>6.0f}"
        if "peer" in found:
            peer = found["peer"]["seconds"]
            line += f"   {peer:>9.2f}  {found['cold']['seconds'] / peer:.2f}"
        print(line, flush=True)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
