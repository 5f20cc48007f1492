"""The Kubernetes API as plain JSON over the official client's connection and credentials."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Literal, final

import urllib3
from kubernetes import config
from kubernetes.client import ApiClient, ApiException

from mixatlas.contract.errors import ApiRefused, ApiUnavailable

Plain = dict[str, Any]
TIMEOUT_S = 20.0
PAGE = 500
_PATCHES = {
    "json": "application/json-patch+json",
    "merge": "application/merge-patch+json",
}


@final
class Api:
    """Requests with a time limit and typed errors; safe to use from several threads.

    Args:
        client: Connected and authorised.
    """

    def __init__(self, client: ApiClient) -> None:
        self._client = client

    @classmethod
    def connect(cls) -> Api:
        """Use the pod's ServiceAccount, or outside a cluster the current kubeconfig."""
        try:
            config.load_incluster_config()  # type: ignore[no-untyped-call]
        except config.ConfigException:
            config.load_kube_config()  # type: ignore[no-untyped-call]
        return cls(ApiClient())

    def get(self, path: str, **query: str) -> Plain | None:
        """Return an object, or None when there is none."""
        try:
            return self._call("GET", path, query)
        except ApiRefused as refusal:
            if refusal.status == 404:
                return None
            raise

    def list(self, path: str, **query: str) -> Iterator[Plain]:
        """Yield all objects of a collection, in pages."""
        query = {**query, "limit": str(PAGE)}
        while True:
            page = self._call("GET", path, query)
            yield from page["items"]
            token = page["metadata"].get("continue")
            if not token:
                return
            query["continue"] = token

    def create(self, path: str, body: Plain, **query: str) -> Plain:
        """Create an object and return it."""
        return self._call("POST", path, query, body)

    def patch(self, path: str, body: Any, kind: Literal["json", "merge"]) -> Plain:
        """Patch an object and return it."""
        return self._call("PATCH", path, {}, body, content_type=_PATCHES[kind])

    def delete(self, path: str, body: Plain) -> None:
        """Delete an object; one that is not there is deleted already."""
        try:
            self._call("DELETE", path, {}, body)
        except ApiRefused as refusal:
            if refusal.status not in (404, 409):  # 409: another object by now has the name
                raise

    def _call(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: Any = None,
        content_type: str = "application/json",
    ) -> Plain:
        headers = {"Accept": "application/json", "Content-Type": content_type}
        request = self._client.param_serialize(
            method,
            path,
            query_params=list(query.items()),
            header_params=headers,
            body=body,
            auth_settings=["BearerToken"],
        )
        try:
            response = self._client.call_api(*request, _request_timeout=TIMEOUT_S)
            status, content = response.status, bytes(response.read())  # type: ignore[no-untyped-call]
        except ApiException as error:
            status, content = error.status, (error.body or "").encode()
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise ApiUnavailable(f"the API server does not answer: {error}") from error
        if 200 <= status < 300:
            answer: Plain = json.loads(content)
            return answer
        message = _words(content) or f"HTTP status {status}"
        if status == 429 or status >= 500:
            raise ApiUnavailable(message)
        raise ApiRefused(status, message)


def _words(content: bytes) -> str:
    try:
        return str(json.loads(content)["message"])
    except (ValueError, KeyError, TypeError):
        return content.decode(errors="replace")[:300]
