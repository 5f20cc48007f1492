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
USER_AGENT = "mixatlas"
PAGE = 500
JSON = "application/json"
TABLE = f"{JSON};as=Table;v=v1;g=meta.k8s.io"
OPERATOR_HINTS = {403: "The operator needs the chart's roles."}
_PATCHES = {
    "json": "application/json-patch+json",
    "merge": "application/merge-patch+json",
}


@final
class Api:
    """Requests with a time limit and typed errors; safe to use from several threads.

    Args:
        client: Connected and authorised.
        timeout_s: Longest silence within a request.
        hints: What to do about a refusal, by its HTTP status.
    """

    def __init__(
        self,
        client: ApiClient,
        *,
        timeout_s: float = TIMEOUT_S,
        hints: Mapping[int, str] = OPERATOR_HINTS,
    ) -> None:
        self._client = client
        self._timeout_s = timeout_s
        self._hints = hints

    @classmethod
    def connect(cls, *, timeout_s: float = TIMEOUT_S) -> Api:
        """Use the pod's ServiceAccount, or outside a cluster the current kubeconfig."""
        try:
            config.load_incluster_config()  # type: ignore[no-untyped-call]
        except config.ConfigException:
            config.load_kube_config()  # type: ignore[no-untyped-call]
        client = ApiClient()
        client.user_agent = USER_AGENT
        return cls(client, timeout_s=timeout_s)

    def get(self, path: str, **query: str) -> Plain | None:
        """Return an object, or None when there is none."""
        try:
            return self._call("GET", path, query)
        except ApiRefused as refusal:
            if refusal.status == 404:
                return None
            raise

    def text(self, path: str, **query: str) -> str:
        """Return what is no JSON, such as a pod's log."""
        return self._send("GET", path, query, accept="*/*").decode(errors="replace")

    def table(self, path: str) -> Plain:
        """Return a collection as the API server lays it out for `kubectl get`."""
        answer: Plain = json.loads(self._send("GET", path, {}, accept=TABLE))
        return answer

    def list(self, path: str, **query: str) -> Iterator[Plain]:
        """Yield all objects of a collection."""
        for page in self.pages(path, **query):
            yield from page["items"]

    def pages(self, path: str, **query: str) -> Iterator[Plain]:
        """Yield a collection in pages, which all are of the first one's version."""
        query = {**query, "limit": str(PAGE)}
        while True:
            page = self._call("GET", path, query)
            yield page
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
        content_type: str = JSON,
    ) -> Plain:
        answer: Plain = json.loads(self._send(method, path, query, body, content_type))
        return answer

    def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: Any = None,
        content_type: str = JSON,
        accept: str = JSON,
    ) -> bytes:
        headers = {"Accept": accept, "Content-Type": content_type}
        request = self._client.param_serialize(
            method,
            path,
            query_params=list(query.items()),
            header_params=headers,
            body=body,
            auth_settings=["BearerToken"],
        )
        try:
            response = self._client.call_api(*request, _request_timeout=self._timeout_s)
            status, content = response.status, bytes(response.read())  # type: ignore[no-untyped-call]
        except ApiException as error:
            status, content = error.status, (error.body or "").encode()
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise ApiUnavailable(f"the API server does not answer: {error}") from error
        if 200 <= status < 300:
            return content
        message = _words(content) or f"HTTP status {status}"
        if status == 429 or status >= 500:
            raise ApiUnavailable(message)
        raise ApiRefused(status, message, hint=self._hints.get(status, ""))


def _words(content: bytes) -> str:
    try:
        return str(json.loads(content)["message"])
    except (ValueError, KeyError, TypeError):
        return content.decode(errors="replace")[:300]
