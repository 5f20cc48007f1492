"""The Jobs that build a corpus, as plain objects; and what lets one follow the other.

All stages are suspended at first. A small Job of the build's own name releases one after the
other, so that no pod holds a GPU while it waits. Nothing here needs the operator.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from mixatlas.contract.errors import BuildFailed
from mixatlas.contract.exit_codes import CliExit
from mixatlas.controller.api import Api
from mixatlas.controller.names import GROUP, jobs_path
from mixatlas.controller.pods import (
    CONTAINER_SECURITY,
    DISRUPTED,
    POD_SECURITY,
    secret_variables,
)

Plain = dict[str, Any]
DOCUMENT = "corpus.yaml"
_DOCUMENT_FOLDER = "/etc/mixatlas"
_SCRATCH = "/scratch"
_TRIES = 3
_LABEL = f"{GROUP}/corpus"


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpusBuild:
    """What the Jobs of one build share.

    Args:
        name: Of the build: a DNS label of at most 50 characters.
        namespace: Of all objects.
        document: The corpus document's text; all that it names lies in the store.
        n_parts: Of all its sources together.
        has_model: Whether a model finds the concepts.
        work: `s3://…` where stages leave what they make.
        out: `s3://…` of the corpus.
        images: References of the trainer's image, which has the models' libraries, and of the
            operator's, which has Kubernetes'.
        endpoint: Of the store, as pods reach it.
        region: Of the store.
        secret: Secret with the pods' credentials; None for the identity of the place.
        pull_secret: Secret that the images are pulled with, or None.
        gpus: Of each pod that embeds.
        parallelism: Pods of a stage at a time.
        scratch: Size of each pod's volume, such as `200Gi`; None for a folder of the node.
        centroids: Place of another corpus's concepts, or None.
    """

    name: str
    namespace: str
    document: str
    n_parts: int
    has_model: bool
    work: str
    out: str
    images: tuple[str, str]
    endpoint: str
    region: str
    secret: str | None
    pull_secret: str | None
    gpus: int
    parallelism: int
    scratch: str | None
    centroids: str | None

    @property
    def stages(self) -> tuple[str, ...]:
        """The stages, in order."""
        return ("embed", "fit", "assign", "join") if self.has_model else ("read", "assign", "join")


def render_build(build: CorpusBuild) -> list[Plain]:
    """Render all objects of a build, in an order that they can be applied in."""
    return [
        _object(build, "v1", "ConfigMap", data={DOCUMENT: build.document}),
        *(_stage(build, stage) for stage in build.stages),
        *_permissions(build),
        _releasing(build),
    ]


def release_in_turn(
    api: Api, namespace: str, names: Sequence[str], *, wait: Callable[[], None]
) -> None:
    """Release suspended Jobs, each when the one before has completed.

    Args:
        api: May get and patch these Jobs.
        namespace: Of the Jobs.
        names: In their order.
        wait: Called between two looks.

    Raises:
        BuildFailed: A Job has failed, or is missing.
    """
    for name in names:
        while not _has_completed(api, jobs_path(namespace, name), name):
            wait()


def _has_completed(api: Api, path: str, name: str) -> bool:
    job = api.get(path)
    if job is None:
        raise BuildFailed(f"Job {name} is missing", hint="Apply all of the build's objects.")
    for condition in job.get("status", {}).get("conditions", ()):
        if condition["status"] == "True" and condition["type"] in ("Complete", "Failed"):
            if condition["type"] == "Failed":
                raise BuildFailed(
                    f"Job {name} has failed: {condition.get('message', '')}",
                    hint=f"kubectl logs job/{name} tells why. Delete the build's Jobs and apply "
                    "them again: what is done stays.",
                )
            return True
    if job["spec"].get("suspend"):
        api.patch(path, {"spec": {"suspend": False}}, "merge")
    return False


def _stage(build: CorpusBuild, stage: str) -> Plain:
    trainer, _ = build.images
    is_indexed = stage in ("read", "embed", "assign")
    arguments = ["corpus", "stage", stage, "-f", f"{_DOCUMENT_FOLDER}/{DOCUMENT}"]
    arguments += ["--work", build.work]
    if is_indexed:
        arguments += ["--part", "$(JOB_COMPLETION_INDEX)"]
    elif build.centroids:
        arguments += ["--centroids", build.centroids]
    if stage == "join":
        arguments += ["--out", build.out]
    # Another try of a document or source that is wrong would end alike.
    wrong = {"containerName": "stage", "operator": "In", "values": [int(CliExit.INVALID_SPEC)]}
    spec: Plain = {
        "suspend": True,
        "podReplacementPolicy": "Failed",
        "podFailurePolicy": {
            "rules": [
                DISRUPTED,
                {"action": "FailIndex" if is_indexed else "FailJob", "onExitCodes": wrong},
            ]
        },
    }
    if is_indexed:
        spec |= {
            "completionMode": "Indexed",
            "completions": build.n_parts,
            "parallelism": min(build.parallelism, build.n_parts),
            "backoffLimitPerIndex": _TRIES - 1,
        }
    else:
        spec["backoffLimit"] = _TRIES - 1
    resources: Plain = {"requests": {"cpu": "1", "memory": "2Gi"}}
    if stage == "embed" and build.gpus:
        resources["limits"] = {"nvidia.com/gpu": build.gpus}
    container = {
        **_container("stage", trainer, arguments),
        "env": _store_variables(build),
        "resources": resources,
        "volumeMounts": [
            {"name": "document", "mountPath": _DOCUMENT_FOLDER, "readOnly": True},
            {"name": "scratch", "mountPath": _SCRATCH},
            {"name": "shared-memory", "mountPath": "/dev/shm"},  # noqa: S108  of this pod alone
        ],
    }
    volumes = [
        {"name": "document", "configMap": {"name": build.name}},
        {"name": "scratch", **_scratch(build.scratch)},
        # Decoded images pass through it, and the runtime's default is 64 MiB.
        {"name": "shared-memory", "emptyDir": {"medium": "Memory"}},
    ]
    pod = {
        **_pod(build, container),
        "securityContext": {**POD_SECURITY, "fsGroup": 65532},
        "automountServiceAccountToken": False,
        "volumes": volumes,
    }
    return _job(build, f"{build.name}-{stage}", spec, pod)


def _releasing(build: CorpusBuild) -> Plain:
    _, operator = build.images
    names = [f"{build.name}-{stage}" for stage in build.stages]
    container = {
        **_container("release", operator, ["corpus", "release", *names]),
        "resources": {"requests": {"cpu": "10m", "memory": "128Mi"}},
    }
    pod = {
        **_pod(build, container),
        "securityContext": POD_SECURITY,
        "serviceAccountName": build.name,
    }
    failed = {
        "containerName": "release",
        "operator": "In",
        "values": [int(CliExit.SEARCH_FAILED)],
    }
    rules = [DISRUPTED, {"action": "FailJob", "onExitCodes": failed}]
    return _job(build, build.name, {"podFailurePolicy": {"rules": rules}}, pod)


def _permissions(build: CorpusBuild) -> list[Plain]:
    """Return what lets the releasing Job see and release the others, and nothing else."""
    rule = {
        "apiGroups": ["batch"],
        "resources": ["jobs"],
        "resourceNames": [f"{build.name}-{stage}" for stage in build.stages],
        "verbs": ["get", "patch"],
    }
    group = "rbac.authorization.k8s.io"
    account = {"kind": "ServiceAccount", "name": build.name, "namespace": build.namespace}
    return [
        _object(build, "v1", "ServiceAccount"),
        _object(build, f"{group}/v1", "Role", rules=[rule]),
        _object(
            build,
            f"{group}/v1",
            "RoleBinding",
            roleRef={"apiGroup": group, "kind": "Role", "name": build.name},
            subjects=[account],
        ),
    ]


def _object(build: CorpusBuild, version: str, kind: str, **fields: Any) -> Plain:
    metadata = {"name": build.name, "namespace": build.namespace, "labels": {_LABEL: build.name}}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **fields}


def _job(build: CorpusBuild, name: str, spec: Plain, pod: Plain) -> Plain:
    job = _object(build, "batch/v1", "Job")
    job["metadata"]["name"] = name
    labels = {"labels": {_LABEL: build.name}}
    return {**job, "spec": {**spec, "template": {"metadata": labels, "spec": pod}}}


def _pod(build: CorpusBuild, container: Plain) -> Plain:
    pod: Plain = {"restartPolicy": "Never", "containers": [container]}
    return pod | ({"imagePullSecrets": [{"name": build.pull_secret}]} if build.pull_secret else {})


def _container(name: str, image: str, arguments: list[str]) -> Plain:
    return {
        "name": name,
        "image": image,
        "command": ["mixatlas"],
        "args": arguments,
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "securityContext": {**CONTAINER_SECURITY, "readOnlyRootFilesystem": True},
    }


def _store_variables(build: CorpusBuild) -> list[Plain]:
    plain = {
        "HOME": _SCRATCH,
        "TMPDIR": _SCRATCH,
        "AWS_ENDPOINT_URL_S3": build.endpoint,
        "AWS_REGION": build.region,
    }
    variables: list[Plain] = [{"name": name, "value": value} for name, value in plain.items()]
    return variables + (secret_variables(build.secret) if build.secret else [])


def _scratch(size: str | None) -> Plain:
    if size is None:
        return {"emptyDir": {}}
    claim = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": size}},
    }
    return {"ephemeral": {"volumeClaimTemplate": {"spec": claim}}}
