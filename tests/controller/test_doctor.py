"""The examination goes on past what it may not see, and ends where nothing answers."""

from __future__ import annotations

from typing import Any

import pytest

from fake_cluster import NAMESPACE, FakeApi, a_search
from mixatlas.contract.errors import ApiUnavailable
from mixatlas.controller.access import Access
from mixatlas.controller.doctor import CRD, LEASES, REVIEWS, WHOAMI, examine
from mixatlas.controller.findings import Finding, Mark
from mixatlas.controller.names import SEARCHES, lease_path

NOW = "2026-01-01T12:00:00Z"
LEASE = {
    "metadata": {"namespace": "mixatlas"},
    "spec": {"holderIdentity": "pod-1", "leaseDurationSeconds": 15, "renewTime": NOW},
}
SEARCHES_OF_TEAM = f"{SEARCHES}/namespaces/{NAMESPACE}/mixturesearches"
ANSWERS: dict[str, Any] = {
    "/version": {"gitVersion": "v1.34.4"},
    WHOAMI: {"metadata": {"creationTimestamp": NOW}, "status": {"userInfo": {"username": "jane"}}},
    REVIEWS: {"status": {"allowed": True}},
    SEARCHES: {},
    LEASES: [LEASE],
    SEARCHES_OF_TEAM: [],
}


def findings(environ: dict[str, str] | None = None, **answers: Any) -> list[Finding]:
    named = {"leases": LEASES, "crd": CRD, "searches": SEARCHES_OF_TEAM, "api": SEARCHES}
    told = {named.get(key, key): value for key, value in answers.items()}
    access = Access(api=FakeApi({**ANSWERS, **told}), namespace=NAMESPACE)  # type: ignore[arg-type]
    return list(examine(access, operator_namespace="mixatlas", environ=environ or {}))


def texts(found: list[Finding], mark: Mark) -> str:
    return "\n".join(finding.text for finding in found if finding.mark is mark)


def test_what_is_right_is_told_and_nothing_is_bad() -> None:
    found = findings()
    assert found[0].text == "API server v1.34.4 answers jane"
    assert "the operator pod-1 leads" in texts(found, Mark.OK)
    assert "0 searches in namespace team" in texts(found, Mark.OK)
    assert texts(found, Mark.BAD) == ""


def test_a_server_that_does_not_answer_is_all_that_is_told() -> None:
    class Silent:
        def get(self, path: str) -> None:
            raise ApiUnavailable("the API server does not answer")

    access = Access(api=Silent(), namespace=NAMESPACE)  # type: ignore[arg-type]
    (finding,) = examine(access, operator_namespace="mixatlas", environ={})
    assert finding.mark is Mark.BAD


def test_what_may_not_be_seen_is_unknown_and_the_rest_is_told() -> None:
    found = findings(crd=403, searches=403)
    assert texts(found, Mark.UNKNOWN).count("not allowed to look") == 2
    assert "you may create mixturesearches" in texts(found, Mark.OK)
    assert texts(found, Mark.BAD) == ""


def test_a_cluster_without_the_resource_says_how_to_install_it() -> None:
    found = findings(api=None, searches=404)
    bad = next(f for f in found if f.mark is Mark.BAD)
    assert bad.text == "the resource MixtureSearch is not installed"
    assert "helm install" in bad.remedy
    assert "not allowed" not in texts(found, Mark.UNKNOWN)


def test_the_operator_is_looked_for_in_its_namespace_by_those_who_may_not_look_everywhere() -> None:
    found = findings(leases=403, **{lease_path("mixatlas"): LEASE})
    assert "the operator pod-1 leads" in texts(found, Mark.OK)


def test_a_lease_that_an_old_operator_left_is_no_fault_beside_one_that_is_held() -> None:
    left = {"metadata": {"namespace": "old"}, "spec": {**LEASE["spec"], "holderIdentity": ""}}
    found = findings(leases=[left, LEASE])
    assert "the operator pod-1 leads" in texts(found, Mark.OK)
    assert texts(found, Mark.BAD) == ""
    assert "no operator leads in namespace old" in texts(findings(leases=[left]), Mark.BAD)


def test_without_an_operator_its_deployment_is_looked_at() -> None:
    deployment = {
        "metadata": {"namespace": "mixatlas", "name": "mixatlas"},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "mixatlas"}}},
        "status": {},
    }
    found = findings(leases=[], **{"/apis/apps/v1/deployments": [deployment]})
    bad = texts(found, Mark.BAD)
    assert "there is no Lease mixatlas-operator" in bad
    assert "0 of 1 pods are ready" in bad


def test_a_right_that_is_missing_is_named() -> None:
    bad = texts(findings(**{REVIEWS: {"status": {"allowed": False}}}), Mark.BAD)
    assert "you may not get pods/log in namespace team" in bad
    assert "you may not patch mixturesearches in namespace team" in bad


def test_a_search_in_trouble_is_told_and_not_that_all_are_in_order() -> None:
    found = findings(searches=[a_search()])
    assert "search small: no operator has looked at it" in texts(found, Mark.BAD)
    assert "all in order" not in texts(found, Mark.OK)


@pytest.mark.parametrize(
    ("environ", "mark", "words"),
    [
        ({}, Mark.UNKNOWN, "AWS_ENDPOINT_URL_S3 is not set"),
        (
            {
                "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9",
                "AWS_ACCESS_KEY_ID": "a",
                "AWS_SECRET_ACCESS_KEY": "b",
            },
            Mark.BAD,
            "http://127.0.0.1:9 does not answer",
        ),
    ],
)
def test_the_store_is_looked_at_where_it_is_named(
    environ: dict[str, str], mark: Mark, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert words in texts(findings(environ), mark)
