"""Conditions of a search that cannot be described: not accepted, or out of the driver's reach."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from mixatlas.plan.observed import Condition

Plain = dict[str, Any]
LONGEST_MESSAGE = 2048
"""Bytes of a condition's message. A trainer's last words and a list of mistakes may be longer."""


def conditions_of(status: Mapping[str, Any]) -> tuple[Condition, ...]:
    """Read the conditions of a written status."""
    return tuple(
        Condition(
            type=plain["type"],
            status=plain["status"],
            reason=plain["reason"],
            message=plain["message"],
            since=datetime.fromisoformat(plain["lastTransitionTime"]).timestamp(),
        )
        for plain in status.get("conditions", ())
    )


def stamp(seconds: float) -> str:
    """Return a time as Kubernetes writes it, in whole seconds."""
    return datetime.fromtimestamp(seconds, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def shorten(message: str) -> str:
    """Return a message cut down to its longest size."""
    content = message.encode()
    if len(content) <= LONGEST_MESSAGE:
        return message
    return content[: LONGEST_MESSAGE - 3].decode(errors="ignore") + "…"


def refused(
    before: Mapping[str, Any], generation: int, reason: str, message: str, now: float
) -> Plain:
    """Return the status of a search that cannot be accepted as written.

    Args:
        before: The status as last written.
        generation: Of the document that was looked at.
        reason: From the table of reasons.
        message: What would be right.
        now: Seconds since 1970.
    """
    summary = {**before.get("summary", {}), "status": "Pending"}
    kept = {**before, "observedGeneration": generation, "summary": summary}
    return _with(kept, "Accepted", "False", reason, message, now)


def troubled(before: Mapping[str, Any], reason: str, message: str, now: float) -> Plain:
    """Return the last status with `Degraded=True`: all else is as it was last known."""
    return _with(dict(before), "Degraded", "True", reason, message, now)


def is_accepted(status: Mapping[str, Any]) -> bool:
    """Tell whether a status says that the document was accepted."""
    return any(c.type == "Accepted" and c.status == "True" for c in conditions_of(status))


def _with(status: Plain, kind: str, value: str, reason: str, message: str, now: float) -> Plain:
    conditions = [dict(c) for c in status.get("conditions", ())]
    known = next((c for c in conditions if c["type"] == kind), None)
    is_same = known is not None and known["status"] == value
    changed = {
        "type": kind,
        "status": value,
        "reason": reason,
        "message": shorten(message),
        "lastTransitionTime": known["lastTransitionTime"] if known and is_same else stamp(now),
        "observedGeneration": status.get("observedGeneration", 0),
    }
    others = [c for c in conditions if c["type"] != kind]
    return {
        **status,
        "conditions": [changed, *others]
        if known is None
        else [changed if c["type"] == kind else c for c in conditions],
    }
