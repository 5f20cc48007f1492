"""What the watches have seen, by search. A cache: every few minutes a full list replaces it."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any, Literal, final

from mixatlas.controller.names import SEARCH_UID

Plain = dict[str, Any]
Kind = Literal["search", "job", "pod"]


@final
class World:
    """Objects by kind and UID; safe to use from several threads.

    Events may come twice, late or out of order: an older version never replaces a newer one.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._objects: dict[Kind, dict[str, Plain]] = {"search": {}, "job": {}, "pod": {}}

    def see(self, kind: Kind, item: Plain) -> str | None:
        """Take in an object, and return the UID of its search."""
        uid = item["metadata"]["uid"]
        with self._lock:
            known = self._objects[kind].get(uid)
            if known is None or _version(known) <= _version(item):
                self._objects[kind][uid] = _slim(item)
        return search_uid(kind, item)

    def lose(self, kind: Kind, item: Plain) -> str | None:
        """Take in that an object is gone, and return the UID of its search."""
        with self._lock:
            self._objects[kind].pop(item["metadata"]["uid"], None)
        return search_uid(kind, item)

    def replace(self, kind: Kind, items: Iterable[Plain]) -> set[str]:
        """Take in a full list, and return the UIDs of the searches that it changed."""
        listed = {item["metadata"]["uid"]: _slim(item) for item in items}
        with self._lock:
            known = self._objects[kind]
            differing = [
                listed.get(own_uid) or known[own_uid]
                for own_uid in listed.keys() | known.keys()
                if own_uid not in listed
                or own_uid not in known
                or _version(known[own_uid]) != _version(listed[own_uid])
            ]
            for own_uid, item in known.items():
                if own_uid in listed and _version(item) > _version(listed[own_uid]):
                    listed[own_uid] = item
            self._objects[kind] = listed
        return {uid for item in differing if (uid := search_uid(kind, item)) is not None}

    def search(self, uid: str) -> Plain | None:
        """Return a search."""
        with self._lock:
            return self._objects["search"].get(uid)

    def searches(self) -> list[str]:
        """Return the UIDs of all searches."""
        with self._lock:
            return list(self._objects["search"])

    def of_search(self, kind: Kind, uid: str) -> list[Plain]:
        """Return the Jobs or pods of a search."""
        with self._lock:
            items = list(self._objects[kind].values())
        return [item for item in items if search_uid(kind, item) == uid]


def search_uid(kind: Kind, item: Plain) -> str | None:
    """Return the UID of the search that an object belongs to."""
    if kind == "search":
        return str(item["metadata"]["uid"])
    uid = item["metadata"].get("labels", {}).get(SEARCH_UID)
    return None if uid is None else str(uid)


def _slim(item: Plain) -> Plain:
    metadata = {key: value for key, value in item["metadata"].items() if key != "managedFields"}
    return {**item, "metadata": metadata}


def _version(item: Plain) -> int:
    text = str(item["metadata"].get("resourceVersion", ""))
    return int(text) if text.isdecimal() else 0
