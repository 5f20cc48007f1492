"""What many searches at once cost: 200 searches with 2,000 trials in all.

    python benchmarks/scale.py [--searches N] [--trials N] [--parallelism N]

A real API server, scheduler and Job controller, a real store, the real operator process, and
nodes with GPUs that kwok simulates; a pod ends as soon as its result is stored. Mixtures are
quasi-random, so that no fit is measured. How fast the operator creates Jobs, against a bare loop
that creates as many equal Jobs, one after another, by the same client on the same API server;
processor time and memory of everything that took part. Prints tables and writes
build/benchmarks/scale.json.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.request import urlopen

import yaml
from kubernetes import config
from kubernetes.client import CoreV1Api
from prometheus_client.parser import text_string_to_metric_families
from urllib3.exceptions import HTTPError

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

import scripted_trainer
from binaries import built
from control_plane import Write, connect
from mixatlas.controller.names import SELECTOR, jobs_path, pods_path
from mixatlas.local.s3_files import HOST, free_ports
from operator_cluster import Cluster, is_ready, whole_cluster
from processes import children, until
from simulated_nodes import GPUS, IS_OVER, simulated_nodes
from small_search import document as small

AGENT = "mixatlas"
"""How the operator's user agent begins."""
TRAINERS = 4
"""Threads that store results."""
LIMIT_S = 3600.0
Plain = dict[str, Any]


class Trainers:
    """Stores the result of every pod that runs, and lets the pod end then.

    Args:
        cluster: Whose pods it serves.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._taken: set[str] = set()
        self._pool = ThreadPoolExecutor(TRAINERS)

    def watch(self) -> None:
        """Serve pods for as long as the API server lives."""
        client = config.new_client_from_config(str(self._cluster.plane.kubeconfig))
        events = CoreV1Api(client).list_namespaced_pod(
            self._cluster.namespace, label_selector=SELECTOR, watch=True, _preload_content=False
        )
        with suppress(HTTPError):  # how it ends
            for line in events:
                self._see(json.loads(line)["object"])

    def _see(self, pod: Plain) -> None:
        uid = pod["metadata"]["uid"]
        if pod["status"].get("phase") == "Running" and uid not in self._taken:
            self._taken.add(uid)
            self._pool.submit(self._train, pod)

    def _train(self, pod: Plain) -> None:
        metadata, (container,) = pod["metadata"], pod["spec"]["containers"]
        environ = {v["name"]: v["value"] for v in container["env"] if "value" in v}
        own = {"MIXATLAS_POD_UID": metadata["uid"]}
        scripted_trainer.main({**environ, **self._cluster.s3.settings.environment(), **own})
        path = pods_path(metadata["namespace"], metadata["name"])
        self._cluster.api.patch(path, {"metadata": {"annotations": {IS_OVER: "true"}}}, "merge")


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--searches", type=int, default=200)
    parser.add_argument("--trials", type=int, default=10, help="of each search, at least 4")
    parser.add_argument("--parallelism", type=int, default=10, help="of each search")
    parser.add_argument("--out", type=Path, default=Path("build/benchmarks/scale.json"))
    arguments = parser.parse_args()
    with big_cluster(2 * arguments.searches * arguments.trials // GPUS + 1) as cluster:
        told = measure(cluster, arguments.searches, arguments.trials, arguments.parallelism)
    for key, value in told["figures"].items():
        print(f"{key:44} {value:9.3f}" if isinstance(value, float) else f"{key:44} {value:9}")
    print(f"\n{'':28} {'processor s':>12} {'peak MiB':>9}")
    for name, (seconds, peak) in told["processes"].items():
        print(f"{name:28} {seconds:12.1f} {peak:9.0f}")
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(told, indent=1) + "\n")


@contextmanager
def big_cluster(n_nodes: int) -> Iterator[Cluster]:
    """Run a cluster with a scheduler and simulated nodes."""
    programs = built("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok")
    with TemporaryDirectory() as folder, whole_cluster(programs) as cluster:
        cluster.plane.start_scheduler()
        with simulated_nodes(cluster.plane, programs["kwok"], Path(folder), n_nodes):
            yield cluster


def measure(cluster: Cluster, n_searches: int, n_trials: int, parallelism: int) -> Plain:
    """Run the searches until every trial has its Job, and a bare loop after them."""
    threading.Thread(target=Trainers(cluster).watch, daemon=True).start()
    (port,) = free_ports(1)
    operator = cluster.start_operator(  # as the chart sets it
        MIXATLAS_PORT=str(port), MIXATLAS_JOB_RETENTION_S="600", MIXATLAS_RESYNC_S="60"
    )
    until(lambda: is_ready(port))
    before = usage(operator.pid)
    began = time.time()
    for number in range(n_searches):
        cluster.api.create(cluster.searches, search(f"scale-{number}", n_trials, parallelism))
    applied = time.time()
    until(lambda: has_concluded_search_stages(cluster, n_searches, n_trials), seconds=LIMIT_S)
    ended = time.time()
    used, passes = usage(operator.pid), reconcile_buckets(port)
    operator.terminate()
    operator.wait()
    writes = [w for w in cluster.plane.writes(AGENT, cluster.namespace) if w.time < ended]
    created = [write.time for write in writes if write[:2] == ("create", "jobs")]
    n_first = n_searches * design_size(n_trials)
    bare = bare_loop(cluster, len(created))
    figures = {
        "searches": n_searches,
        "Jobs created": len(created),
        "s to create the searches": applied - began,
        "s until every trial has ended": ended - began,
        "s until the first Job": created[0] - began,
        "Jobs/s, bare loop": bare,
        **{
            f"{what}, {label}": value
            for label, times in (("all rounds", created), ("first rounds", created[:n_first]))
            for what, value in (
                ("Jobs/s", per_second(times)),
                ("ratio to the bare loop", per_second(times) / bare),
            )
        },
        "Kubernetes writes a trial": len(writes) / len(created),
        **by_kind(writes, len(created)),
        "passes a trial": passes[-1][1] / len(created),
        **{f"ms p{p} of a pass": 1000 * quantile(passes, p / 100) for p in (50, 95)},
    }
    processes = {
        name: (seconds - before.get(name, (0.0, 0.0))[0], peak)
        for name, (seconds, peak) in sorted(used.items(), key=lambda item: -item[1][0])
    }
    return {"figures": figures, "processes": processes}


def search(name: str, n_trials: int, parallelism: int) -> Plain:
    """Return a search without a base, whose proposed mixtures are quasi-random."""
    resource: Plain = yaml.safe_load(small(max_trials=n_trials, parallelism=parallelism))
    resource["metadata"]["name"] = name
    spec = resource["spec"]
    spec["search"] |= {"method": "Sobol", "initialTrials": design_size(n_trials)}
    del spec["proxy"]["base"], spec["proxy"]["jobTemplate"]
    return resource


def design_size(n_trials: int) -> int:
    """Return how many trials of a search wait for no other."""
    return max(2, n_trials // 2)


def per_second(times: list[float]) -> float:
    """Return the rate of events that came in order."""
    return (len(times) - 1) / (times[-1] - times[0])


def has_concluded_search_stages(cluster: Cluster, n_searches: int, n_trials: int) -> bool:
    """Tell whether every search has as many ended trials as it may make."""
    cells = [s.get("status", {}).get("summary", {}) for s in cluster.api.list(cluster.searches)]
    ended = [int(cell["trials"].split("/")[0]) for cell in cells if "trials" in cell]
    time.sleep(1)  # a list of all searches costs the API server something too
    return sum(n >= n_trials for n in ended) == n_searches


def bare_loop(cluster: Cluster, n_jobs: int) -> float:
    """Create Jobs like the operator's, in a namespace of their own; return how many a second."""
    namespace = f"{cluster.namespace}-bare"
    made = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
    cluster.api.create("/api/v1/namespaces", made)
    job = next(iter(cluster.api.list(jobs_path(cluster.namespace))))
    job = {**job, "apiVersion": "batch/v1", "kind": "Job"}
    template = job["spec"]["template"]
    for labels in (job["metadata"].get("labels", {}), template["metadata"]["labels"]):
        for key in [key for key in labels if key.endswith(("controller-uid", "job-name"))]:
            del labels[key]
    del job["spec"]["selector"], job["status"]
    kept = {key: job["metadata"][key] for key in ("labels", "annotations")}
    api = connect(cluster.plane.kubeconfig)
    began = time.monotonic()
    for number in range(n_jobs):
        body = {**job, "metadata": {**kept, "name": f"bare-{number}", "namespace": namespace}}
        api.create(jobs_path(namespace), body)
    return n_jobs / (time.monotonic() - began)


def by_kind(writes: list[Write], n_trials: int) -> dict[str, float]:
    """Return the writes of each kind, a trial."""
    kinds = [f"  {write.verb} {write.resource}" for write in writes]
    return {kind: kinds.count(kind) / n_trials for kind in sorted(set(kinds))}


def reconcile_buckets(port: int) -> list[tuple[float, float]]:
    """Return (limit in seconds, passes below it), in rising order."""
    name = "mixatlas_reconcile_seconds"
    for family in text_string_to_metric_families(fetch(port, "metrics")):
        if family.name == name:
            samples = [s for s in family.samples if s.name == f"{name}_bucket"]
            return [(float(s.labels["le"]), s.value) for s in samples]
    raise AssertionError(f"{name} is not served")


def fetch(port: int, page: str) -> str:
    """Return a page of the operator."""
    with urlopen(f"http://{HOST}:{port}/{page}", timeout=20) as answer:
        return str(answer.read().decode())


def quantile(buckets: list[tuple[float, float]], share: float) -> float:
    """Return a quantile of a histogram, linear within its bucket; the last limit at most."""
    wanted = share * buckets[-1][1]
    low = n_below = 0.0
    for limit, n in buckets:
        if n >= wanted and limit != float("inf"):
            return low + (limit - low) * (wanted - n_below) / max(n - n_below, 1.0)
        low, n_below = (limit if limit != float("inf") else low), n
    return low


def usage(operator: int) -> dict[str, tuple[float, float]]:
    """Return processor seconds and peak MiB so far, by program, of all that we have started."""
    told: dict[str, tuple[float, float]] = {}
    for pid, parent in descendants(os.getpid()):
        name = program_of(pid)
        if pid == operator:
            name = "operator"
        elif parent == operator:
            name = "operator's proposers"
        seconds, peak = told.get(name, (0.0, 0.0))
        told[name] = (seconds + processor_s(pid), peak + peak_mib(pid))
    told["simulated trainers"] = (processor_s(os.getpid()), peak_mib(os.getpid()))
    return told


def descendants(pid: int) -> Iterator[tuple[int, int]]:
    """Yield (process, its parent) of everything below a process."""
    for child in children(pid):
        yield child, pid
        yield from descendants(child)


def program_of(pid: int) -> str:
    """Return the name of a process's program."""
    return Path(Path(f"/proc/{pid}/cmdline").read_text().split("\0")[0]).name


def processor_s(pid: int) -> float:
    """Return the processor seconds of a process, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_mib(pid: int) -> float:
    """Return the largest resident memory of a process in MiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


if __name__ == "__main__":
    main()
