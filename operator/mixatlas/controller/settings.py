"""What the chart tells the operator, read once from the environment."""

from __future__ import annotations

import json
import socket
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mixatlas.adapters.s3 import authority_from
from mixatlas.contract.errors import SpecError
from mixatlas.spec.model import Storage
from mixatlas.spec.running import CaBundle


def _unique_identity() -> str:
    return f"{socket.gethostname()}-{uuid.uuid4().hex[:8]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorSettings:
    """Settings of one operator.

    Args:
        trainer_image: Of trials whose template names no image, and of the default template.
        namespace: The one that is watched; None watches all.
        storage: Of searches that name none.
        pod_secret: Secret of S3 credentials in a search's namespace, for the pods of searches
            that name no storage; None leaves them their ServiceAccount's identity.
        pull_secrets: Secrets that trial pods pull images with.
        trainer_pull_policy: When `trainer_image` is pulled; None is Kubernetes' default.
        pod_ca_bundle: ConfigMap of a search's namespace with the store's certificate authority,
            for the pods of searches that name no storage.
        cache_volume: Volume source, as in a pod's spec, of the shards' cache of trial pods; None
            keeps shards as long as the pod.
        cache_gib: Limit of that cache in GiB; None sets none.
        authority: Certificates in PEM form that stores are trusted by; None trusts the system's.
        gpus: Of a trial whose search gives no template.
        lease_namespace: Where the Lease lies; None elects nobody: this is the only operator.
        identity: Of this process among operators; the pod's name.
        address: Of the pages; empty listens on all.
        port: Of `/healthz`, `/readyz` and `/metrics`; 0 serves none.
        workers: Searches that are worked on at once.
        retention_s: How long the Job of an ended trial is kept.
        resync_s: Every search is looked at this often, whatever happens.
        relist_s: What the watches have told is replaced by a full list this often.
    """

    trainer_image: str
    namespace: str | None = None
    storage: Storage = field(default_factory=Storage)
    pod_secret: str | None = None
    pull_secrets: tuple[str, ...] = ()
    trainer_pull_policy: str | None = None
    pod_ca_bundle: CaBundle | None = None
    cache_volume: Mapping[str, Any] | None = None
    cache_gib: int | None = None
    authority: str | None = None
    gpus: int = 1
    lease_namespace: str | None = None
    identity: str = field(default_factory=_unique_identity)
    address: str = ""
    port: int = 8080
    workers: int = 8
    retention_s: float = 600.0
    resync_s: float = 60.0
    relist_s: float = 300.0

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> OperatorSettings:
        """Read `MIXATLAS_*` and the default S3 endpoint.

        Raises:
            SpecError: One is missing or has no meaning.
        """
        if not environ.get("MIXATLAS_TRAINER_IMAGE"):
            raise SpecError(
                "MIXATLAS_TRAINER_IMAGE is not set",
                hint="Give the trainer's image, as the chart does from trainer.image.",
            )
        default = Storage()
        storage = Storage(
            endpoint=environ.get("AWS_ENDPOINT_URL_S3") or None,
            region=environ.get("AWS_REGION") or default.region,
            bucket=environ.get("MIXATLAS_STORAGE_BUCKET") or default.bucket,
            prefix=environ.get("MIXATLAS_STORAGE_PREFIX") or default.prefix,
        )
        return cls(
            trainer_image=environ["MIXATLAS_TRAINER_IMAGE"],
            namespace=environ.get("MIXATLAS_NAMESPACE") or None,
            storage=storage,
            pod_secret=environ.get("MIXATLAS_POD_SECRET") or None,
            pull_secrets=tuple(filter(None, environ.get("MIXATLAS_PULL_SECRETS", "").split(","))),
            trainer_pull_policy=environ.get("MIXATLAS_TRAINER_PULL_POLICY") or None,
            pod_ca_bundle=_ca_bundle(environ.get("MIXATLAS_POD_CA_BUNDLE")),
            cache_volume=_mapping(environ, "MIXATLAS_CACHE_VOLUME"),
            cache_gib=_number(environ, "MIXATLAS_CACHE_GIB", 0, least=0) or None,
            authority=authority_from(environ),
            gpus=_number(environ, "MIXATLAS_GPUS", 1, least=0),
            lease_namespace=environ.get("MIXATLAS_LEASE_NAMESPACE") or None,
            identity=environ.get("MIXATLAS_IDENTITY") or _unique_identity(),
            address=environ.get("MIXATLAS_ADDRESS") or "",
            port=_number(environ, "MIXATLAS_PORT", 8080, least=0),
            retention_s=float(_number(environ, "MIXATLAS_JOB_RETENTION_S", 600, least=0)),
            resync_s=float(_number(environ, "MIXATLAS_RESYNC_S", 60, least=1)),
            workers=_number(environ, "MIXATLAS_WORKERS", 8, least=1),
        )


def _ca_bundle(text: str | None) -> CaBundle | None:
    if not text:
        return None
    config_map, _, key = text.partition("/")
    return CaBundle(config_map=config_map, key=key or "ca.crt")


def _mapping(environ: Mapping[str, str], name: str) -> Mapping[str, Any] | None:
    text = environ.get(name)
    if not text:
        return None
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise SpecError(f"{name} is {text!r}", hint="Give a JSON object.")
    return found


def _number(environ: Mapping[str, str], name: str, default: int, *, least: int) -> int:
    text = environ.get(name)
    if not text:
        return default
    if not text.isdecimal() or int(text) < least:
        raise SpecError(f"{name} is {text!r}", hint=f"Give a whole number of at least {least}.")
    return int(text)
