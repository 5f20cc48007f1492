"""The winner's ConfigMap, for the training Job that comes next."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import yaml

from mixatlas.controller.names import GROUP, MANAGED_BY, owner_reference
from mixatlas.export.mixture import mixture_csv, mixture_json
from mixatlas.ledger.records import WinnerRecord, mixture_of
from mixatlas.plan.observed import Accepted
from mixatlas.spec.model import MixtureSearch

Plain = dict[str, Any]


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
    mixture = mixture_of(winner.mixture, accepted.space.domains)
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
