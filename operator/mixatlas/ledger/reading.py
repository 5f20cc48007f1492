"""Stored bytes → records. What this version cannot read is refused in words, never guessed at."""

from __future__ import annotations

from typing import TypeVar

from pydantic import ValidationError

from mixatlas.contract.canonical import Record
from mixatlas.contract.errors import HistoryMismatch

R = TypeVar("R", bound=Record)


def read_record(model: type[R], content: bytes, uri: str) -> R:
    """Read one record of a ledger; those of earlier versions are read.

    Args:
        model: Of the record.
        content: As stored.
        uri: Where it is stored, for the message.

    Raises:
        HistoryMismatch: A newer version wrote it, or it is damaged.
    """
    try:
        return model.model_validate_json(content)
    except ValidationError as error:
        raise unreadable(uri, error) from error


def unreadable(uri: str, error: ValidationError) -> HistoryMismatch:
    """Return what to tell people about an object of a ledger that cannot be read."""
    mistakes = [(".".join(map(str, mistake["loc"])), mistake) for mistake in error.errors()]
    for place, mistake in mistakes:
        is_version = place == "schemaVersion" and isinstance(mistake["input"], int)
        if is_version or mistake["type"] == "extra_forbidden":
            what = f"schemaVersion {mistake['input']}" if is_version else f"the field {place}"
            return HistoryMismatch(
                f"{uri} was written by a newer version of MixAtlas: it has {what}, "
                "which this version does not know",
                hint="Upgrade: the operator where it runs on a cluster, and this command.",
            )
    place, first = mistakes[0]
    return HistoryMismatch(
        f"{uri} is damaged: {f'{place}: ' if place else ''}{first['msg']}",
        hint="Restore the object, or start a search under a new name.",
    )
