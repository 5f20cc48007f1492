"""A trial's Job: the user's template with our fields. Pure, and the same bytes each time."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from mixatlas.contract.exit_codes import TrainerExit
from mixatlas.controller.names import (
    ATTEMPT,
    DIGEST,
    DIVISOR,
    GROUP,
    MANAGED_BY,
    SEARCH_UID,
    TRAINER,
    TRIAL,
    owner_reference,
)
from mixatlas.controller.pods import (
    CONTAINER_SECURITY,
    DISRUPTED,
    POD_SECURITY,
    secret_variables,
)
from mixatlas.driver.ports import StartRequest
from mixatlas.spec.model import MixtureSearch
from mixatlas.spec.running import CaBundle

Plain = dict[str, Any]
WORK = "/var/mixatlas"
"""Mount path of a scratch volume: temporary files, and the cache where the template names none."""
CACHE = "/var/mixatlas-cache"
"""Mount path of the cache volume that the chart names."""
AUTHORITY = "/etc/mixatlas-ca"
"""Mount path of the store's certificate authority."""
GRACE_S = 60
_FINAL = sorted(
    int(code)
    for code in (
        TrainerExit.DIVERGED,
        TrainerExit.CONTRACT,
        TrainerExit.DATA,
        TrainerExit.RESULT_NOT_STORED,
    )
)
"""Exit codes that say all: another pod of the same attempt would end alike."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPlace:
    """What all Jobs of one search share.

    Args:
        search: The accepted document; its template is used.
        namespace: Of the search.
        uid: Of the search.
        image: Of the trainer, where the template names none.
        gpus: Of the default template.
        endpoint: Of the store, as pods reach it.
        region: Of the store.
        secret: Secret with the pods' credentials, or None.
        pull_secrets: Secrets that images are pulled with.
        pull_policy: Of `image`; None is Kubernetes' default.
        ca_bundle: ConfigMap with the store's certificate authority, or None.
        cache_volume: Volume source of the shards' cache, or None.
        cache_gib: Limit of that cache, or None.
    """

    search: MixtureSearch
    namespace: str
    uid: str
    image: str
    gpus: int
    endpoint: str
    region: str
    secret: str | None
    pull_secrets: tuple[str, ...]
    pull_policy: str | None = None
    ca_bundle: CaBundle | None = None
    cache_volume: Mapping[str, Any] | None = None
    cache_gib: int | None = None


def render_job(place: JobPlace, request: StartRequest) -> Plain:
    """Render the Job of one attempt.

    The user's template stays; what decides about correctness (names, labels, environment,
    failure policy) is ours, and security settings are ours where the template has none.
    """
    template = deepcopy(place.search.spec.proxy.job_template)
    labels = _labels(place, request)
    job_spec = template.get("spec", {})
    pod = job_spec.get("template", {})
    pod_spec = _pod_spec(place, request, pod.get("spec", {}))
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": request.name,
            "namespace": place.namespace,
            "labels": {**template.get("metadata", {}).get("labels", {}), **labels},
            "annotations": {
                **template.get("metadata", {}).get("annotations", {}),
                DIVISOR: str(request.micro_batch_divisor),
                DIGEST: request.digest,
            },
            "ownerReferences": [owner_reference(place.search.metadata.name, place.uid)],
        },
        "spec": {
            **job_spec,
            "backoffLimit": 0,
            "podReplacementPolicy": "Failed",
            "podFailurePolicy": {
                "rules": [
                    DISRUPTED,
                    {
                        "action": "FailJob",
                        "onExitCodes": {
                            "containerName": _trainer_of(pod_spec["containers"])["name"],
                            "operator": "In",
                            "values": _FINAL,
                        },
                    },
                ]
            },
            "template": {
                "metadata": {
                    **pod.get("metadata", {}),
                    "labels": {**pod.get("metadata", {}).get("labels", {}), **labels},
                },
                "spec": pod_spec,
            },
        },
    }


def _labels(place: JobPlace, request: StartRequest) -> dict[str, str]:
    return {
        **MANAGED_BY,
        f"{GROUP}/search": place.search.metadata.name,
        SEARCH_UID: place.uid,
        TRIAL: str(request.trial),
        ATTEMPT: str(request.attempt),
        f"{GROUP}/purpose": request.purpose,
        # A label holds 63 characters; the annotation of the same name holds the whole digest.
        DIGEST: request.digest[:16],
    }


def _pod_spec(place: JobPlace, request: StartRequest, template: Plain) -> Plain:
    containers = template.get("containers") or [_default_container(place)]
    trainer = _trainer_of(containers)
    spec: Plain = {
        "terminationGracePeriodSeconds": GRACE_S,
        "securityContext": POD_SECURITY,
        **template,
        "restartPolicy": "Never",
        "containers": [
            _filled(place, request, container) if container is trainer else container
            for container in containers
        ],
        "volumes": [*template.get("volumes", ()), *(volume for volume, _ in _volumes(place))],
    }
    if "serviceAccountName" not in template:
        spec.setdefault("automountServiceAccountToken", False)
    if place.pull_secrets:
        own = template.get("imagePullSecrets", ())
        spec["imagePullSecrets"] = [*own, *({"name": name} for name in place.pull_secrets)]
    return spec


def trainer_image(place: JobPlace) -> str:
    """Return the reference of the image that trials run."""
    job_spec = place.search.spec.proxy.job_template.get("spec", {})
    containers = job_spec.get("template", {}).get("spec", {}).get("containers") or [{}]
    return str(_trainer_of(containers).get("image", place.image))


def _trainer_of(containers: list[Plain]) -> Plain:
    """Return the container that is ours: the one named `trainer`, else the first."""
    named = [container for container in containers if container.get("name") == TRAINER]
    return (named or containers)[0]


def _default_container(place: JobPlace) -> Plain:
    resources: Plain = {"limits": {"nvidia.com/gpu": place.gpus}} if place.gpus else {}
    return {"name": TRAINER, "resources": resources}


def _filled(place: JobPlace, request: StartRequest, container: Plain) -> Plain:
    ours = _environment(place, request)
    theirs = [e for e in container.get("env", ()) if e["name"] not in {o["name"] for o in ours}]
    caches = {e["name"] for e in theirs}
    if "MIXATLAS_CACHE" not in caches or request.fresh_cache:
        theirs = [e for e in theirs if e["name"] != "MIXATLAS_CACHE"]
        is_shared = place.cache_volume is not None and not request.fresh_cache
        ours.append({"name": "MIXATLAS_CACHE", "value": CACHE if is_shared else f"{WORK}/cache"})
    if "MIXATLAS_CACHE_GIB" not in caches and place.cache_gib is not None:
        ours.append({"name": "MIXATLAS_CACHE_GIB", "value": str(place.cache_gib)})
    image = {"image": place.image}
    if place.pull_policy is not None and "image" not in container:
        image["imagePullPolicy"] = place.pull_policy
    return {
        **image,
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "securityContext": CONTAINER_SECURITY,
        **container,
        "name": container.get("name", TRAINER),
        "env": [*theirs, *ours],
        "volumeMounts": [
            *container.get("volumeMounts", ()),
            *(
                {"name": volume["name"], "mountPath": mount_path}
                for volume, mount_path in _volumes(place)
            ),
        ],
    }


def _volumes(place: JobPlace) -> list[tuple[Plain, str]]:
    """Return our volumes, each with its mount path."""
    volumes: list[tuple[Plain, str]] = [({"name": "mixatlas-work", "emptyDir": {}}, WORK)]
    if place.cache_volume is not None:
        volumes.append(({"name": "mixatlas-cache", **place.cache_volume}, CACHE))
    if place.ca_bundle is not None:
        source = {"configMap": {"name": place.ca_bundle.config_map}}
        volumes.append(({"name": "mixatlas-ca", **source}, AUTHORITY))
    return volumes


def _environment(place: JobPlace, request: StartRequest) -> list[Plain]:
    plain = {
        "MIXATLAS_TRIAL": request.trial_uri,
        "MIXATLAS_TRIAL_DIGEST": request.digest,
        "MIXATLAS_ATTEMPT": str(request.attempt),
        "MIXATLAS_MICRO_BATCH_DIVISOR": str(request.micro_batch_divisor),
        "TMPDIR": WORK,
        "AWS_ENDPOINT_URL_S3": place.endpoint,
        "AWS_REGION": place.region,
    }
    if place.ca_bundle is not None:
        plain["AWS_CA_BUNDLE"] = f"{AUTHORITY}/{place.ca_bundle.key}"
    variables: list[Plain] = [{"name": name, "value": value} for name, value in plain.items()]
    pod_uid = {"fieldRef": {"fieldPath": "metadata.uid"}}
    variables.append({"name": "MIXATLAS_POD_UID", "valueFrom": pod_uid})
    if place.secret is not None:
        variables += secret_variables(place.secret)
    return variables
