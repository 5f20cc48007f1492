"""Every error a user can meet. Each has one condition reason and one exit code (`reasons.py`)."""

from __future__ import annotations

from typing import Any


class MixAtlasError(Exception):
    """An error with a remedy.

    Args:
        message: What is wrong, naming the field or the object.
        hint: What would be right, or what to do next. May be empty.
        where: Place of the mistake, such as `search.yaml:4:12`, or None.
    """

    def __init__(self, message: str, *, hint: str = "", where: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.where = where

    def __str__(self) -> str:
        text = f"{self.where}: {self.message}" if self.where else self.message
        return f"{text}\n  {self.hint}" if self.hint else text


class SpecError(MixAtlasError):
    """A user's file says something that cannot be done as written.

    Args:
        message: As `MixAtlasError`.
        hint: As `MixAtlasError`.
        where: As `MixAtlasError`.
        mistakes: The fields at fault, for whoever can show their places in the file
            (`spec.places.Mistake`); empty where the message does so already.
    """

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        where: str | None = None,
        mistakes: tuple[Any, ...] = (),
    ) -> None:
        super().__init__(message, hint=hint, where=where)
        self.mistakes = mistakes


class NotYetSupported(SpecError):
    """A field that the resource has, and this version does not act on yet."""


class CorpusInvalid(MixAtlasError):
    """A corpus or benchmark manifest, a shard or a sample is not what it must be."""


class InfeasibleSpace(MixAtlasError):
    """No mixture meets all constraints; the message names a minimal conflicting set."""


class SpaceExhausted(MixAtlasError):
    """No further mixture lies far enough from those already tried."""


class HistoryMismatch(MixAtlasError):
    """A ledger belongs to another corpus, another document, or another version."""


class StoreUnavailable(MixAtlasError):
    """The object store does not answer, or answers with server errors."""


class StoreForbidden(MixAtlasError):
    """The object store refuses: credentials, permissions, or a bucket that is missing."""


class InvalidJobTemplate(SpecError):
    """`proxy.jobTemplate` gives a Job that the API server refuses; the words are the server's."""


class ApiUnavailable(MixAtlasError):
    """The API server does not answer, is overloaded, or fails by itself: worth another try."""


class ApiRefused(MixAtlasError):
    """The API server refuses a request as it is.

    Args:
        status: HTTP status, such as 403, 409 or 422.
        message: The server's own words.
        hint: What to do next, for whoever asked.
    """

    def __init__(self, status: int, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.status = status


class ContractViolation(MixAtlasError):
    """A trainer, or a file meant for one, breaks the contract."""


class FitFailed(MixAtlasError):
    """The surrogate could not be fitted. The proposer turns it into a fallback."""


class SearchFailed(MixAtlasError):
    """The search ended without a winner; the message says why."""


class BuildFailed(MixAtlasError):
    """A Job of a corpus build has failed, or is missing."""


class SearchLocked(MixAtlasError):
    """Another process is running the same search."""
