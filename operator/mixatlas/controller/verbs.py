"""What a person does to a search on a cluster: each verb is a merge patch of its spec."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mixatlas.contract.errors import SearchFailed
from mixatlas.controller.names import SEARCHES, search_path

if TYPE_CHECKING:  # the Kubernetes client is slow to load, and the verbs are words alone
    from mixatlas.controller.access import Access

Plain = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """A change of a search's course.

    Args:
        name: The word itself.
        fields: Of `spec`, as a merge patch sets them; None removes one.
        effect: What happens next.
        undo: How to take it back, with `{name}` for the search.
        is_for_finished: Whether it has a meaning for a search that is over.
    """

    name: str
    fields: Mapping[str, Any]
    effect: str
    undo: str
    is_for_finished: bool = False


_TO_RESUME = "mixatlas resume {name}"
SUSPEND = Verb(
    name="suspend",
    fields={"suspend": True, "suspendMode": "Drain"},
    effect="nothing new starts; trials that run go on to their end",
    undo=_TO_RESUME,
)
CHECKPOINT = Verb(
    name="suspend",
    fields={"suspend": True, "suspendMode": "Checkpoint"},
    effect="nothing new starts; trials that run take a checkpoint and end",
    undo=_TO_RESUME,
)
RESUME = Verb(
    name="resume",
    fields={"suspend": False, "conclude": None},
    effect="the search goes on; trials that took a checkpoint go on from there",
    undo="mixatlas suspend {name}",
    is_for_finished=True,
)
STOP = Verb(
    name="stop",
    fields={"suspend": False, "conclude": "Drain"},
    effect="no further mixtures are proposed; what runs is finished, then the best mixtures are "
    "confirmed and the winner is published",
    undo=_TO_RESUME,
)
CANCEL = Verb(
    name="cancel",
    fields={"conclude": "Now"},
    effect="trials that run are ended and the search is over, without a winner",
    undo=_TO_RESUME,
)

_DEFAULTS = {"suspend": False, "suspendMode": "Drain"}


def table_of(access: Access, *, everywhere: bool) -> Plain:
    """Return the searches as `kubectl get mxs` shows them, laid out by the API server."""
    return access.api.table(_collection(access, everywhere=everywhere))


def searches_of(access: Access, *, everywhere: bool = False) -> list[Plain]:
    """Return the searches of the namespace, or of all, by namespace and name."""
    found = access.api.list(_collection(access, everywhere=everywhere))
    return sorted(found, key=lambda s: (s["metadata"]["namespace"], s["metadata"]["name"]))


def find_search(access: Access, name: str) -> Plain:
    """Return a search.

    Raises:
        SearchFailed: There is none of this name; the message names those there are.
    """
    search = access.api.get(search_path(access.namespace, name))
    if search is not None:
        return search
    names = [each["metadata"]["name"] for each in searches_of(access)]
    raise SearchFailed(
        f"there is no search {name} in namespace {access.namespace}",
        hint=f"There are: {', '.join(names)}." if names else "`mixatlas list -A` lists all.",
    )


def carry_out(access: Access, name: str, verb: Verb) -> bool:
    """Change a search's course.

    Returns:
        False where nothing was left to change.

    Raises:
        SearchFailed: There is no such search, or it is over and the verb means nothing to it.
        ApiRefused: The API server refuses; the words are its own.
    """
    search = find_search(access, name)
    reason = finished_reason(search)
    if reason is not None and not verb.is_for_finished:
        raise SearchFailed(
            f"{name} is over ({reason}): there is nothing to {verb.name}",
            hint=f"To go on: mixatlas resume {name}"
            if reason == "Cancelled"
            else "To search on, raise spec.search.maxTrials.",
        )
    spec = search["spec"]
    if all(spec.get(key, _DEFAULTS.get(key)) == value for key, value in verb.fields.items()):
        return False
    path = search_path(access.namespace, name)
    access.api.patch(path, {"spec": dict(verb.fields)}, "merge")
    return True


def finished_reason(search: Plain) -> str | None:
    """Return why a search is over, or None while it is not."""
    for condition in search.get("status", {}).get("conditions", ()):
        if condition["type"] == "Finished" and condition["status"] == "True":
            return str(condition["reason"])
    return None


def _collection(access: Access, *, everywhere: bool) -> str:
    inside = "" if everywhere else f"/namespaces/{access.namespace}"
    return f"{SEARCHES}{inside}/mixturesearches"
