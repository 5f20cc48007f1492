"""What a search on a cluster has recorded: its ledger, and the logs of its trials."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mixatlas.adapters.s3 import S3Store, settings_from
from mixatlas.contract.errors import SearchFailed, SpecError, StoreUnavailable
from mixatlas.controller.access import Access
from mixatlas.controller.jobs import attempt_of, why_pending
from mixatlas.controller.names import (
    SEARCH_UID,
    TRAINER,
    TRIAL,
    is_owned,
    jobs_path,
    pods_path,
)
from mixatlas.controller.verbs import find_search
from mixatlas.driver.seen import Seen, read_ledger, stored_logs
from mixatlas.ledger.layout import Layout
from mixatlas.plan.conditions import conditions_of
from mixatlas.plan.observed import AttemptState
from mixatlas.spec.load import read_resource
from mixatlas.spec.model import Storage

Plain = dict[str, Any]
FROM_OUTSIDE = (
    "Commands read the ledger from here, with your own AWS credentials: "
    "set AWS_ENDPOINT_URL_S3 to an address of the store that can be reached."
)


def look_at(access: Access, name: str, environ: Mapping[str, str]) -> Seen:
    """Look at a search through its ledger and its Jobs.

    Args:
        access: The cluster.
        name: Of the search.
        environ: Endpoint of the store, where it differs from the document's, and credentials.

    Raises:
        SearchFailed: There is no such search, or it was not accepted yet.
        StoreUnavailable, StoreForbidden: The store cannot be read from here.
    """
    resource = find_search(access, name)
    search = read_resource(resource)
    root = _ledger(resource)
    store = _store(resource, environ)
    try:
        seen = read_ledger(store, search, uid=resource["metadata"]["uid"], root=root)
    except StoreUnavailable as error:
        raise StoreUnavailable(error.message, hint=FROM_OUTSIDE) from error
    if seen is None:
        raise SearchFailed(f"{root} holds no ledger", hint=FROM_OUTSIDE)
    attempts = _attempts(access, resource["metadata"]["uid"])
    return replace(seen, observed=replace(seen.observed, attempts=attempts))


def logs_of(
    access: Access, name: str, trial: int, environ: Mapping[str, str]
) -> list[tuple[str, str]]:
    """Return (name, text) of each log of a trial, the oldest first.

    While the trial is open its pods are there, and tell; afterwards the ledger does.

    Args:
        access: The cluster.
        name: Of the search.
        trial: Its number.
        environ: As `look_at`; not used while there are pods.

    Raises:
        SearchFailed: There is no such search, or the trial's pod waits to be started.
        StoreUnavailable, StoreForbidden: The store cannot be read from here.
    """
    resource = find_search(access, name)
    pods = _pods(access, resource["metadata"]["uid"], trial)
    begun = [pod for pod in pods if pod["status"].get("phase") != "Pending"]
    if begun:
        return [(pod["metadata"]["name"], _pod_log(access, pod)) for pod in begun]
    if pods:
        raise SearchFailed(
            f"trial {trial} waits: {why_pending(pods[-1])}",
            hint=f"kubectl -n {access.namespace} describe pod {pods[-1]['metadata']['name']}",
        )
    store, layout = _store(resource, environ), Layout(_ledger(resource))
    try:
        return stored_logs(store, layout, trial)
    except StoreUnavailable as error:
        raise StoreUnavailable(error.message, hint=FROM_OUTSIDE) from error


def _attempts(access: Access, uid: str) -> tuple[AttemptState, ...]:
    selector, namespace = f"{SEARCH_UID}={uid}", access.namespace
    pods = list(access.api.list(pods_path(namespace), labelSelector=selector))
    return tuple(
        attempt_of(job, [pod for pod in pods if is_owned(pod, job["metadata"]["uid"])], time.time())
        for job in access.api.list(jobs_path(namespace), labelSelector=selector)
    )


def _pods(access: Access, uid: str, trial: int) -> list[Plain]:
    selector = f"{SEARCH_UID}={uid},{TRIAL}={trial}"
    pods = access.api.list(pods_path(access.namespace), labelSelector=selector)
    return sorted(pods, key=lambda pod: str(pod["metadata"]["creationTimestamp"]))


def _pod_log(access: Access, pod: Plain) -> str:
    names = [container["name"] for container in pod["spec"]["containers"]]
    container = TRAINER if TRAINER in names else names[0]
    path = f"{pods_path(access.namespace, pod['metadata']['name'])}/log"
    return access.api.text(path, container=container)


def _ledger(resource: Plain) -> str:
    """Return the URI prefix of a search's ledger."""
    status = resource.get("status") or {}
    if "ledger" in status:
        return str(status["ledger"])
    name = resource["metadata"]["name"]
    for condition in conditions_of(status):
        if condition.type == "Accepted" and condition.status == "False":
            raise SearchFailed(f"{name} is not accepted: {condition.message}")
    raise SearchFailed(
        f"{name} has no ledger yet", hint="`mixatlas doctor` tells whether an operator works on it."
    )


def _store(resource: Plain, environ: Mapping[str, str]) -> S3Store:
    storage = Storage.model_validate(resource["spec"].get("storage") or {})
    try:
        return S3Store(settings_from(environ, storage.endpoint, storage.region))
    except SpecError as error:
        raise SpecError("the store's address is not known here", hint=FROM_OUTSIDE) from error
