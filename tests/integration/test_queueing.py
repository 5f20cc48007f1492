"""Jobs that a queue suspends, admits and evicts, as Kueue does."""

from __future__ import annotations

from control_plane import PodRunner
from mixatlas.adapters.s3 import S3Store
from mixatlas.ledger.records import TrialOutcome
from operator_cluster import Cluster
from processes import until
from queueing import QUEUE, Queue
from small_search import document as small


def document() -> str:
    template = f'jobTemplate: {{metadata: {{labels: {{"{QUEUE}": team}}}}, spec:'
    return small(parallelism=3, script="slow=2").replace("jobTemplate: {spec:", template)


def cell(cluster: Cluster, name: str) -> str:
    summary = cluster.search("small").get("status", {}).get("summary", {})
    return str(summary.get(name, ""))


def is_evicted_and_runs_again(queue: Queue, pod_runner: PodRunner) -> bool:
    """Evict a Job, and another one where it has ended before it lost its place."""
    if any(pod_runner.created.count(name) == 2 for name in queue.evicted):
        return True
    if not queue.evicted or queue.has_ended(queue.evicted[-1]):
        queue.evict()
    return False


def test_queued_is_not_running_and_an_eviction_costs_no_attempt(
    cluster: Cluster, pod_runner: PodRunner
) -> None:
    with Queue(cluster.api, cluster.namespace) as queue:
        cluster.apply(document())
        cluster.start_operator()
        until(lambda: cell(cluster, "status") == "Queued")
        assert cell(cluster, "running") == "0"
        assert cluster.pods() == []

        queue.quota = 2
        until(lambda: is_evicted_and_runs_again(queue, pod_runner))
        cluster.until_condition("small", "Finished", "True")

    store = S3Store(cluster.s3.settings)
    for uri in store.list(cluster.search("small")["status"]["ledger"] + "/trials/"):
        if uri.endswith("/outcome.json"):
            outcome = TrialOutcome.model_validate_json(store.get(uri) or b"")
            assert [attempt.attempt for attempt in outcome.attempts] == [1]
    writes = cluster.plane.writes("mixatlas", cluster.namespace)
    assert {w.verb for w in writes if w.resource == "jobs"} <= {"create", "delete"}
