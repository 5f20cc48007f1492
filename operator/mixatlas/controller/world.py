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
    """Objects by kind, search and UID; safe to use from several threads.

    Events may come twice, late or out of order: an older version never replaces a newer one,
    and what is gone stays gone.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._shelves: dict[Kind, _Shelf] = {
            "search": _Shelf("search"),
            "job": _Shelf("job"),
            "pod": _Shelf("pod"),
        }

    def see(self, kind: Kind, item: Plain) -> str | None:
        """Take in an object, and return the UID of its search."""
        with self._lock:
            self._shelves[kind].put(item)
        return search_uid(kind, item)

    def lose(self, kind: Kind, item: Plain) -> str | None:
        """Take in that an object is gone, and return the UID of its search."""
        with self._lock:
            self._shelves[kind].drop(item["metadata"]["uid"])
        return search_uid(kind, item)

    def replace(self, kind: Kind, items: Iterable[Plain], version: int) -> set[str]:
        """Take in a full list, and return the UIDs of the searches that it changed.

        Args:
            kind: Of the items.
            items: All there are.
            version: Of the list; what was seen after it was made stays.
        """
        with self._lock:
            changed = self._shelves[kind].replace(items, version)
        return {uid for item in changed if (uid := search_uid(kind, item)) is not None}

    def search(self, uid: str) -> Plain | None:
        """Return a search."""
        with self._lock:
            return self._shelves["search"].items.get(uid)

    def searches(self) -> list[str]:
        """Return the UIDs of all searches."""
        with self._lock:
            return list(self._shelves["search"].items)

    def ledger_of(self, namespace: str, name: str) -> str | None:
        """Return the prefix of a search's ledger, None where it has none yet."""
        with self._lock:
            found = list(self._shelves["search"].items.values())
        for search in found:
            metadata = search["metadata"]
            if (metadata.get("namespace"), metadata["name"]) == (namespace, name):
                ledger = (search.get("status") or {}).get("ledger")
                return str(ledger) if ledger else None
        return None

    def of_search(self, kind: Kind, uid: str) -> list[Plain]:
        """Return the Jobs or pods of a search."""
        with self._lock:
            return list(self._shelves[kind].by_search.get(uid, {}).values())


class _Shelf:
    """All objects of one kind."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind
        self.items: dict[str, Plain] = {}
        self.by_search: dict[str, dict[str, Plain]] = {}
        self._gone: set[str] = set()
        """UIDs that are gone since the last list; a list that is on its way may hold them."""

    def put(self, item: Plain) -> None:
        own = item["metadata"]["uid"]
        known = self.items.get(own)
        if own in self._gone or (known is not None and version_of(known) > version_of(item)):
            return
        self.drop(own, is_gone=False)
        self.items[own] = slim = _slim(item)
        search = search_uid(self._kind, slim)
        if search is not None:
            self.by_search.setdefault(search, {})[own] = slim

    def drop(self, own: str, *, is_gone: bool = True) -> None:
        if is_gone:
            self._gone.add(own)
        known = self.items.pop(own, None)
        search = None if known is None else search_uid(self._kind, known)
        if search is not None:
            siblings = self.by_search[search]
            del siblings[own]
            if not siblings:
                del self.by_search[search]

    def replace(self, items: Iterable[Plain], version: int) -> list[Plain]:
        listed = {item["metadata"]["uid"]: item for item in items}
        changed = []
        for own, known in list(self.items.items()):
            if own not in listed and version_of(known) <= version:
                changed.append(known)
                self.drop(own, is_gone=False)
        for own, item in listed.items():
            before = self.items.get(own)
            self.put(item)
            if self.items.get(own) is not before:
                is_news = before is None or version_of(before) != version_of(item)
                changed += [item] if is_news else []
        self._gone.clear()
        return changed


def search_uid(kind: Kind, item: Plain) -> str | None:
    """Return the UID of the search that an object belongs to."""
    if kind == "search":
        return str(item["metadata"]["uid"])
    uid = item["metadata"].get("labels", {}).get(SEARCH_UID)
    return None if uid is None else str(uid)


def version_of(item: Plain) -> int:
    """Return the version of an object or a list; 0 where it has none."""
    text = str(item["metadata"].get("resourceVersion", ""))
    return int(text) if text.isdecimal() else 0


def _slim(item: Plain) -> Plain:
    metadata = {key: value for key, value in item["metadata"].items() if key != "managedFields"}
    return {**item, "metadata": metadata}
