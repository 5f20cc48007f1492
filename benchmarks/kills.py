"""Whether SIGKILLs of the operator cost anything: goal 200 kills, 0 trials lost, 0 doubled.

    python benchmarks/kills.py [--kills N] [--seed N]

A real API server, a real store, the real operator process, killed at a random moment after it has
begun to work; pods are threads that end after a fifth of a second. A trial is lost when its search
ends without an ok outcome of it, doubled when a second attempt of it was started. Prints a table,
and writes build/benchmarks/kills.json.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

import scripted_trainer
from binaries import built
from control_plane import PodRunner
from mixatlas.adapters.s3 import S3Store
from mixatlas.ledger.records import OutcomeClass, RoundRecord, TrialOutcome
from mixatlas.local.s3_files import free_ports
from operator_cluster import Cluster, is_ready, whole_cluster
from processes import until
from small_search import document as small

MEAN_WORK_S = 4.0
"""Of an operator, once it is ready. A proposal takes longer, so that only some lives see one."""


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("build/benchmarks/kills.json"))
    arguments = parser.parse_args()
    with (
        whole_cluster(built("etcd", "kube-apiserver", "kube-controller-manager")) as cluster,
        PodRunner(cluster.api, scripted_trainer.main, cluster.namespace) as pods,
    ):
        searches = kill_often(cluster, arguments.kills, np.random.default_rng(arguments.seed))
        told = {"kills": arguments.kills, **count(cluster, searches, pods.created)}
    for key, value in told.items():
        print(f"{key:16} {value:6}")
    print("goal 0 lost, 0 doubled:", "missed" if told["lost"] or told["doubled"] else "met")
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(told, indent=1) + "\n")


def kill_often(cluster: Cluster, n_kills: int, rng: np.random.Generator) -> list[str]:
    """Kill operators at random moments, a new search after each that ends; return their names."""
    names = [apply(cluster, 0)]
    for _ in range(n_kills):
        (port,) = free_ports(1)
        operator = cluster.start_operator(MIXATLAS_PORT=str(port))
        until(lambda port=port: is_ready(port))
        end = time.monotonic() + rng.exponential(MEAN_WORK_S)
        while time.monotonic() < end:
            if is_finished(cluster, names[-1]):
                names.append(apply(cluster, len(names)))
            time.sleep(0.05)
        operator.kill()
        operator.wait()
    cluster.start_operator()
    cluster.until_condition(names[-1], "Finished", "True")
    return names


def apply(cluster: Cluster, number: int) -> str:
    """Start a search and return its name."""
    name = f"kills-{number}"
    document = small(parallelism=3, max_trials=24, script="slow=0.2")
    replaced = {"name: small": f"name: {name}", "initialTrials: 5": "initialTrials: 16"}
    for old, new in replaced.items():
        document = document.replace(old, new)
    cluster.apply(document)
    return name


def is_finished(cluster: Cluster, name: str) -> bool:
    """Tell whether a search has ended."""
    return cluster.condition(name, "Finished").get("status") == "True"


def count(cluster: Cluster, searches: list[str], created: list[str]) -> dict[str, int]:
    """Count planned trials, those without a good end, and attempts beyond the first."""
    store = S3Store(cluster.s3.settings)
    n_planned = n_ok = n_attempts = 0
    for name in searches:
        root = cluster.search(name)["status"]["ledger"]
        rounds = [store.get(uri) for uri in store.list(f"{root}/rounds/")]
        n_planned += sum(
            len(RoundRecord.model_validate_json(content or b"").trials) for content in rounds
        )
        for uri in store.list(f"{root}/trials/"):
            if uri.endswith("/outcome.json"):
                outcome = TrialOutcome.model_validate_json(store.get(uri) or b"")
                n_ok += outcome.outcome is OutcomeClass.OK
                n_attempts += len(outcome.attempts)
    return {
        "searches": len(searches),
        "trials": n_planned,
        "lost": n_planned - n_ok,
        "doubled": max(len(created), n_attempts) - n_planned,
    }


if __name__ == "__main__":
    main()
