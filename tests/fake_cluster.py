"""A cluster that answers from a table: for what is decided from answers, not for the API itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from mixatlas.contract.errors import ApiRefused
from mixatlas.controller.access import Access
from mixatlas.controller.names import SEARCHES, search_path

Plain = dict[str, Any]
NAMESPACE = "team"


@dataclass
class FakeApi:
    """Objects by path; a path below which there are several is a collection.

    Args:
        objects: What is there. A number is the status of a refusal.
        logs: Texts by path.
    """

    objects: Mapping[str, Plain | list[Plain] | int]
    logs: Mapping[str, str] = field(default_factory=dict)
    patches: list[tuple[str, Plain, str]] = field(default_factory=list)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def get(self, path: str, **query: str) -> Plain | None:
        found = self._answer(path)
        assert not isinstance(found, list)
        return found

    def list(self, path: str, **query: str) -> Iterator[Plain]:
        self.asked.append((path, query))
        found = self._answer(path)
        assert found is None or isinstance(found, list)
        yield from found or ()

    def create(self, path: str, body: Plain, **query: str) -> Plain:
        found = self._answer(path)
        assert isinstance(found, dict)
        return found

    def patch(self, path: str, body: Plain, kind: str) -> Plain:
        self.patches.append((path, body, kind))
        return {}

    def text(self, path: str, **query: str) -> str:
        self.asked.append((path, query))
        return self.logs[path]

    def _answer(self, path: str) -> Plain | list[Plain] | None:
        found = self.objects.get(path)
        if isinstance(found, int):
            raise ApiRefused(found, f"{path} is forbidden")
        return found


def access_to(*searches: Plain, **others: Any) -> tuple[Access, FakeApi]:
    """Return a way to a cluster that holds some searches, and its API."""
    objects: dict[str, Any] = {
        f"{SEARCHES}/namespaces/{NAMESPACE}/mixturesearches": list(searches),
        **{search_path(NAMESPACE, search["metadata"]["name"]): search for search in searches},
    }
    api = FakeApi({**objects, **others.pop("objects", {})}, **others)
    return Access(api=api, namespace=NAMESPACE), api  # type: ignore[arg-type]


def a_search(name: str = "small", status: Plain | None = None, **spec: Any) -> Plain:
    """Return a search as the API server holds it, one hour old at the epoch's hour 1."""
    return {
        "metadata": {
            "name": name,
            "namespace": NAMESPACE,
            "uid": "uid00",
            "creationTimestamp": "1970-01-01T00:00:00Z",
        },
        "spec": spec,
        **({} if status is None else {"status": status}),
    }


def a_condition(kind: str, status: str, reason: str, message: str = "words") -> Plain:
    """Return a condition."""
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": message,
        "lastTransitionTime": "1970-01-01T00:00:00Z",
    }
