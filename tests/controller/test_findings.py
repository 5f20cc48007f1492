"""What a cluster's objects tell, and what to do about it."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import yaml

from fake_cluster import a_condition, a_search
from mixatlas.contract.reasons import REASONS
from mixatlas.controller.findings import (
    GPU,
    UNSEEN_S,
    Mark,
    buckets_of,
    judge_deployment,
    judge_lease,
    judge_nodes,
    judge_resource,
    judge_search,
)
from mixatlas.spec.crd import render_crd

CRD = yaml.safe_load(render_crd())
NOON = 12 * 3600.0


def changed(**version: Any) -> dict[str, Any]:
    crd = copy.deepcopy(CRD)
    crd["spec"]["versions"][0].update(version)
    return crd


def older() -> dict[str, Any]:
    crd = copy.deepcopy(CRD)
    spec = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    del spec["properties"]["conclude"]
    return crd


def other_rule() -> dict[str, Any]:
    crd = copy.deepcopy(CRD)
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    schema["x-kubernetes-validations"][0]["rule"] = "true"
    return crd


@pytest.mark.parametrize(
    ("installed", "mark"),
    [
        (CRD, Mark.OK),
        (changed(served=True, defaulted="by the server"), Mark.OK),
        (changed(name="v1beta1"), Mark.BAD),
        (changed(additionalPrinterColumns=[]), Mark.BAD),
        (older(), Mark.BAD),
        (other_rule(), Mark.BAD),
    ],
)
def test_the_installed_resource_is_that_of_this_version(
    installed: dict[str, Any], mark: Mark
) -> None:
    finding = judge_resource(installed, CRD)
    assert finding.mark is mark
    assert bool(finding.remedy) is (mark is Mark.BAD)


def a_lease(**spec: Any) -> dict[str, Any]:
    told = {
        "holderIdentity": "pod-1",
        "leaseDurationSeconds": 15,
        "renewTime": "1970-01-01T12:00:00.250000Z",
    }
    return {"metadata": {"namespace": "mixatlas"}, "spec": {**told, **spec}}


@pytest.mark.parametrize(
    ("spec", "now", "mark", "words"),
    [
        ({}, NOON, Mark.OK, "the operator pod-1 leads in namespace mixatlas"),
        ({}, NOON + 15, Mark.OK, "leads"),
        ({}, NOON + 16, Mark.BAD, "silent for 16 s"),
        ({"holderIdentity": ""}, NOON, Mark.BAD, "no operator leads in namespace mixatlas"),
        ({"renewTime": None}, NOON, Mark.BAD, "no operator leads"),
    ],
)
def test_a_lease_tells_whether_an_operator_leads(
    spec: dict[str, Any], now: float, mark: Mark, words: str
) -> None:
    finding = judge_lease(a_lease(**spec), now)
    assert finding.mark is mark
    assert words in finding.text


@pytest.mark.parametrize(
    ("replicas", "ready", "mark", "remedy"),
    [
        (1, 1, Mark.OK, ""),
        (1, 0, Mark.BAD, "kubectl -n ops describe pods -l name=mixer,instance=ours"),
        (0, 0, Mark.BAD, "Scale it to 1."),
    ],
)
def test_a_deployment_tells_whether_pods_are_there(
    replicas: int, ready: int, mark: Mark, remedy: str
) -> None:
    finding = judge_deployment(
        {
            "metadata": {"namespace": "ops", "name": "mixatlas"},
            "spec": {
                "replicas": replicas,
                "selector": {"matchLabels": {"name": "mixer", "instance": "ours"}},
            },
            "status": {"readyReplicas": ready} if ready else {},
        }
    )
    assert (finding.mark, finding.remedy) == (mark, remedy)
    assert finding.text == f"Deployment ops/mixatlas: {ready} of {replicas} pods are ready"


def test_a_search_in_trouble_comes_with_the_documented_remedy() -> None:
    conditions = [
        a_condition("Accepted", "True", "Accepted"),
        a_condition("Degraded", "True", "StorageUnavailable", "http://s3 does not answer"),
    ]
    (finding,) = judge_search(a_search(status={"conditions": conditions}), NOON)
    assert finding.mark is Mark.BAD
    assert finding.text == "search small: StorageUnavailable: http://s3 does not answer"
    assert finding.remedy == REASONS["StorageUnavailable"].remedy


def test_a_refused_search_is_in_trouble() -> None:
    status = {"conditions": [a_condition("Accepted", "False", "InvalidSpec")]}
    (finding,) = judge_search(a_search(status=status), NOON)
    assert finding.remedy == REASONS["InvalidSpec"].remedy


def test_a_search_in_order_is_not_told_of() -> None:
    status = {"conditions": [a_condition("Degraded", "False", "Healthy")]}
    assert list(judge_search(a_search(status=status), NOON)) == []


@pytest.mark.parametrize(("age_s", "n"), [(UNSEEN_S, 0), (UNSEEN_S + 1, 1)])
def test_a_search_that_nobody_looks_at(age_s: float, n: int) -> None:
    findings = list(judge_search(a_search(), age_s))
    assert len(findings) == n
    assert all("no operator has looked at it" in finding.text for finding in findings)


def test_buckets_are_those_of_the_ledgers_else_the_default() -> None:
    ledgers = [a_search(status={"ledger": f"s3://{b}/searches/x"}) for b in ("own", "b", "own")]
    assert buckets_of([*ledgers, a_search()]) == ["b", "own"]
    assert buckets_of([a_search()]) == ["mixatlas"]


def a_node(gpus: str | None, *, is_open: bool = True) -> dict[str, Any]:
    allocatable = {"cpu": "8"} | ({GPU: gpus} if gpus else {})
    return {"spec": {"unschedulable": not is_open}, "status": {"allocatable": allocatable}}


def test_gpus_of_nodes_that_take_pods_are_counted() -> None:
    nodes = [a_node("8"), a_node("4"), a_node(None), a_node("8", is_open=False)]
    assert judge_nodes(nodes).text == f"12 {GPU} on 2 nodes"


def test_no_gpu_is_told_and_is_no_fault() -> None:
    finding = judge_nodes([a_node(None)])
    assert finding.mark is Mark.UNKNOWN
    assert finding.remedy
