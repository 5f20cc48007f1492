"""What the training that comes next is given: the winner's ConfigMap, and its Job."""

from __future__ import annotations

import json
from collections.abc import Mapping
from copy import deepcopy
from typing import Any, final

import yaml

from mixatlas.contract.errors import ApiRefused, CorpusInvalid
from mixatlas.contract.manifest import CorpusManifest
from mixatlas.controller.api import Api
from mixatlas.controller.names import (
    GROUP,
    MANAGED_BY,
    config_maps_path,
    is_owned,
    jobs_path,
    owner_reference,
)
from mixatlas.driver.ports import ObjectStore, StatusSink
from mixatlas.export.mixture import mixture_csv, mixture_json
from mixatlas.ledger.reading import read_record
from mixatlas.ledger.records import OutputJobRecord, WinnerRecord, cells_of
from mixatlas.plan.observed import Accepted
from mixatlas.spec.model import MixtureSearch

Plain = dict[str, Any]
MIXTURE_FOLDER = "/etc/mixatlas"
"""Where the ConfigMap is mounted in the output Job's containers."""
_VOLUME = "mixatlas-mixture"


@final
class HandOver:
    """Keeps the ConfigMap of the latest winner right, and starts the Job of each once.

    Args:
        api: The cluster.
        store: Holds the corpus manifest, and the record of each Job.
        sink: Is told of what was done.
    """

    def __init__(self, api: Api, store: ObjectStore, sink: StatusSink) -> None:
        self._api = api
        self._store = store
        self._sink = sink
        self._tokens_a_sample: Mapping[str, float] = {}
        self._last_revision = 0
        """Whose Job is known to have been started."""

    def deliver(self, accepted: Accepted, live: MixtureSearch, winner: WinnerRecord) -> None:
        """Make what is missing, and put right what somebody has changed.

        Args:
            accepted: The search.
            live: The document as it stands now; its `output` is read.
            winner: The latest revision.

        Raises:
            ApiRefused: A foreign object has the name, or the Job is refused as it is.
        """
        if live.spec.output is None:
            return
        self._deliver_config_map(accepted, live, winner)
        if live.spec.output.job is not None and winner.revision > self._last_revision:
            self._start_job(accepted, live, winner)
            self._last_revision = winner.revision

    def _deliver_config_map(
        self, accepted: Accepted, live: MixtureSearch, winner: WinnerRecord
    ) -> None:
        if not self._tokens_a_sample:
            self._tokens_a_sample = _tokens_a_sample(self._store, accepted.corpus)
        wanted = render_config_map(accepted, live, winner, tokens_a_sample=self._tokens_a_sample)
        name, namespace = wanted["metadata"]["name"], accepted.record.namespace
        path = config_maps_path(namespace, name)
        there = self._api.get(path)
        if there is None:
            self._api.create(config_maps_path(namespace), wanted)
        elif not is_owned(there, accepted.record.uid):
            raise ApiRefused(409, f"ConfigMap {name} is not of this search")
        elif there.get("data") != wanted["data"]:
            annotations = {
                "op": "add",
                "path": "/metadata/annotations",
                "value": wanted["metadata"]["annotations"],
            }
            data = {"op": "add", "path": "/data", "value": wanted["data"]}
            self._api.patch(path, [data, annotations], "json")
            self._sink.event("ConfigMapWritten", f"{name} holds revision {winner.revision}")

    def _start_job(self, accepted: Accepted, live: MixtureSearch, winner: WinnerRecord) -> None:
        """Start it once, whatever becomes of it: only a crash in between tries again."""
        uri = accepted.layout.output_job(winner.revision)
        told = self._store.get(uri)
        if told is not None and read_record(OutputJobRecord, told, uri).is_created:
            return
        job = render_output_job(
            live,
            accepted.record.namespace,
            accepted.record.uid,
            revision=winner.revision,
            digest=winner.digest,
        )
        name, namespace = job["metadata"]["name"], accepted.record.namespace
        record = OutputJobRecord(revision=winner.revision, job=name, is_created=False)
        self._store.put(uri, record.to_bytes())
        try:
            self._api.create(jobs_path(namespace), job)
        except ApiRefused as refusal:
            there = self._api.get(jobs_path(namespace, name)) if refusal.status == 409 else None
            if there is None or not is_owned(there, accepted.record.uid):
                raise
        self._store.put(uri, record.model_copy(update={"is_created": True}).to_bytes())
        self._sink.event("OutputJobStarted", f"{name} trains on revision {winner.revision}")


def render_config_map(
    accepted: Accepted,
    live: MixtureSearch,
    winner: WinnerRecord,
    *,
    tokens_a_sample: Mapping[str, float],
) -> Plain:
    """Render the ConfigMap of a winner.

    Args:
        accepted: The search.
        live: The document as it stands now; its `output` is read.
        winner: The latest revision.
        tokens_a_sample: Mean manifest tokens of a sample of each domain.
    """
    mixture = cells_of(winner.mixture)
    as_json = mixture_json(mixture, tokens_a_sample)
    data = {
        "mixture.json": as_json,
        "mixture.yaml": yaml.safe_dump(json.loads(as_json), sort_keys=False),
    }
    if live.spec.output is not None and "csv" in live.spec.output.formats:
        data["mixture.csv"] = mixture_csv(mixture, tokens_a_sample)
    record = accepted.record
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": live.config_map,
            "namespace": record.namespace,
            "labels": {**MANAGED_BY, f"{GROUP}/search": record.name},
            "annotations": {
                f"{GROUP}/digest": mixture.digest,
                f"{GROUP}/revision": str(winner.revision),
                f"{GROUP}/ledger": accepted.layout.root,
            },
            "ownerReferences": [owner_reference(record.name, record.uid)],
        },
        "data": data,
    }


def render_output_job(
    live: MixtureSearch, namespace: str, uid: str, revision: int = 1, digest: str = ""
) -> Plain:
    """Render `output.job` of a revision: the user's template, and the mixture in every container.

    The mixture lies in `MIXTURE_FOLDER`; `MIXATLAS_MIXTURE` names its JSON, and
    `MIXATLAS_MIXTURE_DIGEST` what it must be: the ConfigMap may hold a later revision by then.

    Args:
        live: The document as it stands now.
        namespace: Of the search.
        uid: Of the search.
        revision: Of the winner.
        digest: Of its mixture.
    """
    template = deepcopy((live.spec.output.job if live.spec.output else None) or {})
    search = live.metadata.name
    pod = template.get("spec", {}).get("template", {})
    pod_spec = pod.get("spec", {})
    labels = {f"{GROUP}/search": search}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            **template.get("metadata", {}),
            "name": f"{search}-{uid[:5]}-output-r{revision}",
            "namespace": namespace,
            "labels": {**template.get("metadata", {}).get("labels", {}), **labels},
            "ownerReferences": [owner_reference(search, uid)],
        },
        "spec": {
            **template.get("spec", {}),
            "template": {
                **pod,
                "spec": {
                    "restartPolicy": "Never",
                    **pod_spec,
                    "containers": [
                        _with_mixture(container, digest)
                        for container in pod_spec.get("containers", ())
                    ],
                    "volumes": [
                        *pod_spec.get("volumes", ()),
                        {"name": _VOLUME, "configMap": {"name": live.config_map}},
                    ],
                },
            },
        },
    }


def _with_mixture(container: Plain, digest: str) -> Plain:
    return {
        **container,
        "env": [
            *container.get("env", ()),
            {"name": "MIXATLAS_MIXTURE", "value": f"{MIXTURE_FOLDER}/mixture.json"},
            {"name": "MIXATLAS_MIXTURE_DIGEST", "value": digest},
        ],
        "volumeMounts": [
            *container.get("volumeMounts", ()),
            {"name": _VOLUME, "mountPath": MIXTURE_FOLDER, "readOnly": True},
        ],
    }


def _tokens_a_sample(store: ObjectStore, uri: str) -> dict[str, float]:
    content = store.get(uri)
    if content is None:
        raise CorpusInvalid(f"{uri} does not exist", hint="Push the corpus again.")
    return CorpusManifest.model_validate_json(content).tokens_a_sample
