"""Why searches of a cluster do not run: read-only checks; `findings` judges what they see."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from mixatlas.adapters.s3 import S3Store, settings_from
from mixatlas.contract.errors import ApiRefused, ApiUnavailable, MixAtlasError
from mixatlas.controller.access import Access
from mixatlas.controller.findings import (
    OPERATORS,
    Finding,
    Mark,
    buckets_of,
    judge_deployment,
    judge_lease,
    judge_nodes,
    judge_resource,
    judge_search,
    seconds,
)
from mixatlas.controller.names import GROUP, LEASE, SEARCHES, lease_path
from mixatlas.controller.verbs import searches_of
from mixatlas.spec.crd import render_crd
from mixatlas.spec.model import Storage

Plain = dict[str, Any]
CRD_NAME = f"mixturesearches.{GROUP}"
CRD = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{CRD_NAME}"
LEASES = "/apis/coordination.k8s.io/v1/leases"
REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
WHOAMI = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
WHOAMI_BODY = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
INSTALL = "helm install mixatlas charts/mixatlas -n mixatlas --create-namespace"


@dataclass(frozen=True, slots=True, kw_only=True)
class Right:
    """A right that a user of searches needs."""

    verb: str
    group: str
    resource: str
    subresource: str = ""

    def __str__(self) -> str:
        what = f"{self.resource}/{self.subresource}" if self.subresource else self.resource
        return f"{self.verb} {what}"


RIGHTS = (
    *(Right(verb=verb, group=GROUP, resource="mixturesearches") for verb in ("create", "patch")),
    Right(verb="list", group="batch", resource="jobs"),
    Right(verb="list", group="", resource="pods"),
    Right(verb="get", group="", resource="pods", subresource="log"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """What all checks of one examination share.

    Args:
        access: The cluster, and the namespace of the searches.
        operator_namespace: Where the operator is looked for by those who may not look everywhere.
        environ: Endpoint and credentials of the store.
        now: Seconds since 1970, by the cluster's clock.
    """

    access: Access
    operator_namespace: str
    environ: Mapping[str, str]
    now: float


Check = Callable[[Visit], Iterable[Finding]]


def examine(
    access: Access, *, operator_namespace: str, environ: Mapping[str, str]
) -> Iterator[Finding]:
    """Yield findings as they are made; nothing is written to the cluster.

    Without an answer of the API server the first finding is the only one.

    Args:
        access: The cluster, and the namespace of the searches.
        operator_namespace: Where the operator is looked for by those who may not look everywhere.
        environ: `AWS_ENDPOINT_URL_S3` and credentials, for a look at the store.
    """
    try:
        version = access.api.get("/version") or {}
        me = access.api.create(WHOAMI, WHOAMI_BODY)
    except ApiUnavailable as error:
        yield Finding(Mark.BAD, error.message, "Check the kubeconfig's server and the network.")
        return
    except ApiRefused as error:
        yield Finding(Mark.BAD, f"the API server refuses: {error.message}", error.hint)
        return
    user = me["status"]["userInfo"].get("username", "")
    yield Finding(Mark.OK, f"API server {version.get('gitVersion', '')} answers {user}")
    visit = Visit(
        access=access,
        operator_namespace=operator_namespace,
        environ=environ,
        now=seconds(me["metadata"]["creationTimestamp"]),
    )
    for check in CHECKS:
        try:
            yield from check(visit)
        except ApiRefused as error:
            if error.status != 404:  # the resource is not installed, which has been told
                yield Finding(Mark.UNKNOWN, f"not allowed to look: {error.message}")
        except ApiUnavailable as error:
            yield Finding(Mark.BAD, error.message)


def _resource(visit: Visit) -> Iterator[Finding]:
    if visit.access.api.get(SEARCHES) is None:
        remedy = f"Install MixAtlas: {INSTALL}"
        yield Finding(Mark.BAD, "the resource MixtureSearch is not installed", remedy)
        return
    installed = visit.access.api.get(CRD)
    if installed is not None:
        yield judge_resource(installed, yaml.safe_load(render_crd()))


def _operator(visit: Visit) -> Iterator[Finding]:
    api = visit.access.api
    where = f" in namespace {visit.operator_namespace}"
    try:
        leases = list(api.list(LEASES, fieldSelector=f"metadata.name={LEASE}"))
        deployments = "/apis/apps/v1/deployments"
        where = ""
    except ApiRefused:
        lease = api.get(lease_path(visit.operator_namespace))
        leases = [lease] if lease else []
        deployments = f"/apis/apps/v1/namespaces/{visit.operator_namespace}/deployments"
    findings = [judge_lease(lease, visit.now) for lease in leases]
    leads = [finding for finding in findings if finding.mark is Mark.OK]
    # Beside an operator that leads, a silent Lease may be what an uninstalled one has left.
    yield from leads or findings
    if not findings:
        yield Finding(
            Mark.BAD,
            f"no operator has led yet: there is no Lease {LEASE}{where}",
            f"Install one ({INSTALL}), or name its namespace by --operator-namespace.",
        )
    if not leads:
        for deployment in api.list(deployments, labelSelector=OPERATORS):
            yield judge_deployment(deployment)


def _rights(visit: Visit) -> Iterator[Finding]:
    namespace = visit.access.namespace
    lacking = [right for right in RIGHTS if not _may(visit, right)]
    for right in lacking:
        yield Finding(
            Mark.BAD,
            f"you may not {right} in namespace {namespace}",
            "Ask for the ClusterRole `edit` there; the chart adds searches to it.",
        )
    if not lacking:
        all_rights = ", ".join(map(str, RIGHTS))
        yield Finding(Mark.OK, f"you may {all_rights} in namespace {namespace}")


def _may(visit: Visit, right: Right) -> bool:
    attributes = {
        "namespace": visit.access.namespace,
        "verb": right.verb,
        "group": right.group,
        "resource": right.resource,
        "subresource": right.subresource,
    }
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    return bool(visit.access.api.create(REVIEWS, body)["status"]["allowed"])


def _searches(visit: Visit) -> Iterator[Finding]:
    namespace, searches = visit.access.namespace, searches_of(visit.access)
    troubles = [finding for search in searches for finding in judge_search(search, visit.now)]
    yield from troubles
    if not troubles:
        yield Finding(Mark.OK, f"{len(searches)} searches in namespace {namespace}, all in order")


def _storage(visit: Visit) -> Iterator[Finding]:
    if not visit.environ.get("AWS_ENDPOINT_URL_S3"):
        text = "the store was not looked at: AWS_ENDPOINT_URL_S3 is not set here"
        yield Finding(Mark.UNKNOWN, text, "`mixatlas trials` and `mixatlas logs` need it.")
        return
    settings = settings_from(visit.environ, None, Storage().region)
    for bucket in buckets_of(searches_of(visit.access)):
        try:
            S3Store(settings, tries=1).list(f"s3://{bucket}/mixatlas-doctor/")
        except MixAtlasError as error:
            yield Finding(Mark.BAD, f"the store: {error.message}", error.hint)
        else:
            yield Finding(Mark.OK, f"the store {settings.endpoint} shows you bucket {bucket}")


def _gpus(visit: Visit) -> Iterator[Finding]:
    yield judge_nodes(list(visit.access.api.list("/api/v1/nodes")))


CHECKS: tuple[Check, ...] = (_resource, _operator, _rights, _searches, _storage, _gpus)
"""In the order of what rests on what."""
