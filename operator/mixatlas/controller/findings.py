"""What a cluster's objects tell about why searches do not run: pure judgements with remedies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from mixatlas.contract.reasons import REASONS
from mixatlas.plan.conditions import conditions_of
from mixatlas.spec.model import Storage

Plain = dict[str, Any]
OPERATORS = "app.kubernetes.io/part-of=mixatlas"
"""The chart's label of an operator's Deployment, whatever its name."""
GPU = "nvidia.com/gpu"
UNSEEN_S = 60.0
"""A search that no operator has looked at for this long is not going to be."""


class Mark(StrEnum):
    """What a check has found."""

    OK = "✓"
    BAD = "✗"
    UNKNOWN = "–"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the answer.

    Args:
        mark: Good, bad, or nothing to tell.
        text: What is so.
        remedy: What to do about it; empty where nothing has to be done.
    """

    mark: Mark
    text: str
    remedy: str = ""


def judge_resource(installed: Plain, ours: Plain) -> Finding:
    """Compare the installed resource's definition with the one of this version."""
    theirs = {v["name"]: v for v in installed["spec"]["versions"]}
    for version in ours["spec"]["versions"]:
        name = version["name"]
        if name not in theirs:
            text = f"the resource MixtureSearch is installed without version {name}"
            return Finding(Mark.BAD, text, "Upgrade the chart.")
        if not _agrees(version, theirs[name]):
            return Finding(
                Mark.BAD,
                f"the resource MixtureSearch {name} is not the one of this `mixatlas`",
                "Upgrade the chart, or use the command line of the operator's version.",
            )
    return Finding(Mark.OK, f"MixtureSearch {name} is installed, as this version defines it")


def _agrees(ours: Any, theirs: Any) -> bool:
    """Tell whether everything of ours is there; the API server adds what it defaults."""
    if isinstance(ours, dict):
        return isinstance(theirs, dict) and all(
            key in theirs and _agrees(value, theirs[key]) for key, value in ours.items()
        )
    if isinstance(ours, list):
        return (
            isinstance(theirs, list)
            and len(ours) == len(theirs)
            and all(_agrees(a, b) for a, b in zip(ours, theirs, strict=True))
        )
    return bool(ours == theirs)


def judge_lease(lease: Plain, now: float) -> Finding:
    """Tell whether an operator leads, by its Lease.

    Args:
        lease: As the API server holds it.
        now: Seconds since 1970, by the cluster's clock.
    """
    spec = lease.get("spec", {})
    namespace = lease["metadata"]["namespace"]
    holder, renewed = spec.get("holderIdentity"), spec.get("renewTime")
    look = f"kubectl -n {namespace} get pods"
    if not holder or not renewed:
        return Finding(Mark.BAD, f"no operator leads in namespace {namespace}", f"Look: {look}")
    age = max(0.0, now - seconds(renewed))
    if age > spec.get("leaseDurationSeconds", 0):
        text = f"the operator {holder} in namespace {namespace} has been silent for {age:.0f} s"
        return Finding(Mark.BAD, text, f"Its pod has ended or hangs: {look}")
    return Finding(Mark.OK, f"the operator {holder} leads in namespace {namespace}")


def judge_deployment(deployment: Plain) -> Finding:
    """Tell whether an operator's pods are there."""
    metadata = deployment["metadata"]
    place = f"{metadata['namespace']}/{metadata['name']}"
    wanted = deployment["spec"].get("replicas", 1)
    ready = deployment.get("status", {}).get("readyReplicas", 0)
    text = f"Deployment {place}: {ready} of {wanted} pods are ready"
    if wanted and ready >= wanted:
        return Finding(Mark.OK, text)
    selector = ",".join(
        f"{k}={v}" for k, v in deployment["spec"]["selector"]["matchLabels"].items()
    )
    look = f"kubectl -n {metadata['namespace']} describe pods -l {selector}"
    return Finding(Mark.BAD, text, look if wanted else "Scale it to 1.")


def judge_search(search: Plain, now: float) -> Iterator[Finding]:
    """Yield what is wrong with a search.

    Args:
        search: As the API server holds it.
        now: Seconds since 1970, by the cluster's clock.
    """
    name = search["metadata"]["name"]
    conditions = conditions_of(search.get("status") or {})
    if not conditions and now - seconds(search["metadata"]["creationTimestamp"]) > UNSEEN_S:
        yield Finding(
            Mark.BAD,
            f"search {name}: no operator has looked at it",
            "None runs, or it watches another namespace (`watchNamespace` of the chart).",
        )
    for condition in conditions:
        if (condition.type, condition.status) in (("Degraded", "True"), ("Accepted", "False")):
            text = REASONS.get(condition.reason)
            yield Finding(
                Mark.BAD,
                f"search {name}: {condition.reason}: {condition.message}",
                text.remedy if text else "",
            )


def buckets_of(searches: Sequence[Plain]) -> list[str]:
    """Return the buckets that hold the searches' ledgers, or the default one."""
    ledgers = [search.get("status", {}).get("ledger", "") for search in searches]
    found = {ledger.removeprefix("s3://").partition("/")[0] for ledger in ledgers if ledger}
    return sorted(found) or [Storage().bucket]


def judge_nodes(nodes: Sequence[Plain]) -> Finding:
    """Count the GPUs of nodes that take pods; none is no fault, for templates may ask for none."""
    open_nodes = [node for node in nodes if not node["spec"].get("unschedulable")]
    counts = [int(n.get("status", {}).get("allocatable", {}).get(GPU, 0)) for n in open_nodes]
    n_nodes = sum(1 for count in counts if count)
    if n_nodes:
        return Finding(Mark.OK, f"{sum(counts)} {GPU} on {n_nodes} nodes")
    return Finding(
        Mark.UNKNOWN,
        f"no node offers {GPU}",
        "Trials need one, unless `proxy.jobTemplate` or the chart's `trainer.gpus` asks for none.",
    )


def seconds(stamp: str) -> float:
    """Return a time of Kubernetes in seconds since 1970."""
    return datetime.fromisoformat(stamp).timestamp()
