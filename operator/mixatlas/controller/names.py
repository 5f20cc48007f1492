"""Paths, labels and names of Kubernetes objects (contract: "Words")."""

from __future__ import annotations

from typing import Any

GROUP = "mixatlas.dev"
SEARCHES = f"/apis/{GROUP}/v1alpha1"
MANAGED_BY = {"app.kubernetes.io/managed-by": "mixatlas"}
SELECTOR = "app.kubernetes.io/managed-by=mixatlas"
SEARCH_UID = f"{GROUP}/search-uid"
TRIAL = f"{GROUP}/trial"
ATTEMPT = f"{GROUP}/attempt"
DIGEST = f"{GROUP}/trial-digest"
DIVISOR = f"{GROUP}/micro-batch-divisor"
TRAINER = "trainer"
"""Name of the container that is ours to fill; in a template it may be the only one instead."""
LEASE = "mixatlas-operator"


def search_path(namespace: str, name: str) -> str:
    """Return the path of a search."""
    return f"{SEARCHES}/namespaces/{namespace}/mixturesearches/{name}"


def jobs_path(namespace: str, name: str = "") -> str:
    """Return the path of a namespace's Jobs, or of one."""
    return f"/apis/batch/v1/namespaces/{namespace}/jobs" + (f"/{name}" if name else "")


def config_maps_path(namespace: str, name: str = "") -> str:
    """Return the path of a namespace's ConfigMaps, or of one."""
    return f"/api/v1/namespaces/{namespace}/configmaps" + (f"/{name}" if name else "")


def pods_path(namespace: str, name: str = "") -> str:
    """Return the path of a namespace's pods, or of one."""
    return f"/api/v1/namespaces/{namespace}/pods" + (f"/{name}" if name else "")


def events_path(namespace: str) -> str:
    """Return the path of a namespace's Events."""
    return f"/apis/events.k8s.io/v1/namespaces/{namespace}/events"


def lease_path(namespace: str) -> str:
    """Return the path of the operator's Lease."""
    return f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/{LEASE}"


def owner_reference(name: str, uid: str) -> dict[str, Any]:
    """Return the reference that makes Kubernetes delete an object with its search."""
    return {
        "apiVersion": f"{GROUP}/v1alpha1",
        "kind": "MixtureSearch",
        "name": name,
        "uid": uid,
        "controller": True,
        "blockOwnerDeletion": False,
    }


def is_owned(item: dict[str, Any], uid: str) -> bool:
    """Tell whether an object belongs to the search of a UID."""
    return any(o["uid"] == uid for o in item["metadata"].get("ownerReferences", ()))
