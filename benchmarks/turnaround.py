"""How soon a slot is used again, and what that costs: and how many writes a trial costs: goal 8.

    python benchmarks/turnaround.py [--trials N] [--parallelism N]

A real API server, a real store, the real operator process; pods are threads that end at once.
From the end of a trial's pod to the creation of the next Job, p50 and p95, apart for slots that
had to wait for a round of the Gaussian process. The peer is a bare loop on the same API server
that creates such a Job as soon as one ends. Prints a table and writes
build/benchmarks/turnaround.json.
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from kubernetes import config
from kubernetes.client import BatchV1Api
from kubernetes.watch import Watch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

import scripted_trainer
from binaries import built
from control_plane import PodRunner, Program
from mixatlas.controller.names import events_path
from operator_cluster import Cluster, whole_cluster
from processes import until
from small_search import document as small

AGENT = "mixatlas"
"""How the operator's user agent begins."""


class Ends:
    """A trainer that notes when each of its trials ended."""

    def __init__(self, trainer: Program = scripted_trainer.main) -> None:
        self.times: list[float] = []
        self._trainer = trainer
        self._lock = threading.Lock()

    def __call__(self, environ: Mapping[str, str], pause: Callable[[float], bool]) -> int:
        """Run a trial."""
        code = self._trainer(environ, pause)
        with self._lock:
            self.times.append(time.time())
        return code


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=24)
    parser.add_argument("--parallelism", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("build/benchmarks/turnaround.json"))
    arguments = parser.parse_args()
    with whole_cluster(built("etcd", "kube-apiserver", "kube-controller-manager")) as cluster:
        told = measure(cluster, arguments.trials, arguments.parallelism)
    for key, value in told.items():
        print(f"{key:34} {value:8.3f}" if isinstance(value, float) else f"{key:34} {value:8}")
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(told, indent=1) + "\n")


def measure(cluster: Cluster, n_trials: int, parallelism: int) -> dict[str, Any]:
    """Run one search, and a bare loop after it."""
    ends = Ends()
    with PodRunner(cluster.api, ends, cluster.namespace) as pods:
        cluster.apply(small(parallelism=parallelism, max_trials=n_trials))
        cluster.start_operator()
        cluster.until_condition("small", "Finished", "True", seconds=1800)
        until(lambda: not cluster.jobs())
        n_run = len(pods.created)
    writes = cluster.plane.writes(AGENT, cluster.namespace)
    gaps = gaps_between(ends.times, [w.time for w in writes if w[:2] == ("create", "jobs")])
    rounds = rounds_of(cluster)
    waited = [gap for end, gap in gaps if any(end < r < end + gap for r in rounds)]
    peer_ends = Ends(lambda environ, pause: 0)
    with PodRunner(cluster.api, peer_ends, cluster.namespace):
        created = bare_loop(cluster, n_run, parallelism)
    peer = [gap for _, gap in gaps_between(peer_ends.times, created)]
    direct = [gap for _, gap in gaps if gap not in waited]
    return {
        "trials": n_run,
        "Kubernetes writes a trial": len(writes) / n_run,
        **percentiles("no round between", direct),
        **percentiles("a round between", waited),
        **percentiles("bare loop", peer),
        "p50 as a ratio to the bare loop": float(np.median(direct) / np.median(peer)),
    }


def rounds_of(cluster: Cluster) -> list[float]:
    """Return when each proposed round was recorded, in seconds since 1970."""
    path = events_path(cluster.namespace)
    return [
        datetime.fromisoformat(event["eventTime"]).timestamp()
        for event in cluster.api.list(path)
        if event["reason"] == "RoundRecorded" and "(proposed)" in event["note"]
    ]


def gaps_between(ends: list[float], created: list[float]) -> list[tuple[float, float]]:
    """Return when each place of an ended trial became free, and for how many seconds."""
    free: list[float] = []
    gaps = []
    for moment, is_end in sorted([(t, True) for t in ends] + [(t, False) for t in created]):
        if is_end:
            free.append(moment)
        elif free:
            gaps.append((free[0], moment - free.pop(0)))
    return gaps


def bare_loop(cluster: Cluster, n_jobs: int, parallelism: int) -> list[float]:
    """Create a Job as soon as one ends, by the official client's watch; return when each was."""
    batch = BatchV1Api(config.new_client_from_config(str(cluster.plane.kubeconfig)))
    created: list[float] = []

    def create() -> None:
        name = f"bare-{len(created)}"
        container = {"name": "c", "image": "localhost/none:1"}
        pod = {"restartPolicy": "Never", "containers": [container]}
        body = {"metadata": {"name": name}, "spec": {"template": {"spec": pod}}}
        created.append(time.time())
        batch.create_namespaced_job(cluster.namespace, body)

    for _ in range(parallelism):
        create()
    done: set[str] = set()
    for event in Watch().stream(batch.list_namespaced_job, cluster.namespace):
        job = event["object"]
        if job.status.succeeded and job.metadata.name not in done:
            done.add(job.metadata.name)
            if len(created) < n_jobs:
                create()
            if len(done) == n_jobs:
                return created
    raise AssertionError("the watch ended")


def percentiles(label: str, values: list[float]) -> dict[str, float]:
    """Return p50 and p95 in seconds."""
    if not values:
        return {}
    return {f"s p{p}, {label}": float(np.percentile(values, p)) for p in (50, 95)}


if __name__ == "__main__":
    main()
