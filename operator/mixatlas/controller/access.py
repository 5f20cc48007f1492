"""A person's way to the cluster: the kubeconfig that kubectl uses, and its namespace."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kubernetes import config
from kubernetes.client import ApiClient, Configuration

from mixatlas.contract.errors import ApiUnavailable
from mixatlas.controller.api import Api

IN_POD = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
HINTS = {
    401: "The kubeconfig's credentials are refused: log in to the cluster again.",
    403: "`mixatlas doctor` lists the rights that you need and lack.",
    404: "Is MixAtlas installed in this cluster? `mixatlas doctor` looks.",
    422: "Nothing was changed.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """A cluster as one person sees it.

    Args:
        api: With that person's rights.
        namespace: The one that is meant where none is named.
    """

    api: Api
    namespace: str


def open_cluster(context: str | None, namespace: str | None) -> Access:
    """Connect as kubectl does; inside a pod without a kubeconfig, as its ServiceAccount.

    Args:
        context: Of the kubeconfig; None takes the current one.
        namespace: None takes the context's.

    Raises:
        ApiUnavailable: There is no kubeconfig, or it lacks the context.
    """
    settings = Configuration()
    try:
        config.load_kube_config(context=context, client_configuration=settings)  # type: ignore[no-untyped-call]
        own = _namespace_of(context)
    except config.ConfigException as error:
        if context is not None or not IN_POD.exists():
            raise ApiUnavailable(
                f"no cluster is configured: {error}",
                hint="Set KUBECONFIG, or name one of `kubectl config get-contexts` by --context.",
            ) from error
        config.load_incluster_config(client_configuration=settings)  # type: ignore[no-untyped-call]
        own = IN_POD.read_text(encoding="utf-8").strip()
    return Access(api=Api(ApiClient(settings), hints=HINTS), namespace=namespace or own)


def _namespace_of(context: str | None) -> str:
    every, current = config.list_kube_config_contexts()  # type: ignore[no-untyped-call]
    named = [entry for entry in every if entry["name"] == context]
    chosen = named[0] if named else current
    return str(chosen["context"].get("namespace") or "default")
