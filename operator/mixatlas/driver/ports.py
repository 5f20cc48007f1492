"""What the driver needs of the world. Adapters match these Protocols by structure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from mixatlas.plan.observed import AttemptState, ProposalState

FindLedger = Callable[[str], str | None]
"""From the name of a search of the same place to the prefix of its ledger; None: there is none."""


class ObjectStore(Protocol):
    """Objects by URI. Every method blocks, and is safe to call from several threads.

    Raises:
        StoreUnavailable: No answer, or server errors, after bounded retries.
        StoreForbidden: The store refuses.
    """

    def get(self, uri: str) -> bytes | None:
        """Return an object, or None when there is none."""
        ...

    def put(self, uri: str, data: bytes) -> None:
        """Write an object whole, or not at all."""
        ...

    def list(self, prefix: str) -> list[str]:
        """Return the URIs of all objects below a prefix, sorted."""
        ...

    def delete(self, uri: str) -> None:
        """Remove an object; one that is not there is removed already."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StartRequest:
    """One attempt to be started.

    Args:
        name: Deterministic: the create is the lock.
        trial: Number of the trial.
        attempt: Number of the attempt, from 1.
        digest: Of the trial file.
        trial_uri: Where the trial file lies.
        purpose: Why the trial exists.
        micro_batch_divisor: 1, or 2 after it ran out of memory.
        fresh_cache: Whether cached shards are not to be trusted.
    """

    name: str
    trial: int
    attempt: int
    digest: str
    trial_uri: str
    purpose: str
    micro_batch_divisor: int = 1
    fresh_cache: bool = False


class TrialRunner(Protocol):
    """Runs attempts. A name that runs or has run is not started again."""

    def start(self, request: StartRequest) -> None:
        """Start an attempt; one of the same name that exists is success."""
        ...

    def stop(self, name: str) -> None:
        """Ask an attempt to end, with its grace period. Unknown names are ignored."""
        ...

    def observe(self) -> tuple[AttemptState, ...]:
        """Return all attempts that are not forgotten."""
        ...

    def forget(self, name: str) -> None:
        """Remove an attempt that has ended. Unknown names are ignored."""
        ...


class Question(Protocol):
    """What a proposer is asked: picklable, and its key says which question it is."""

    @property
    def key(self) -> str:
        """Name of the question, such as `round-0003`."""
        ...


class Proposer(Protocol):
    """Answers one question at a time, in a process of its own with a time limit."""

    def start(self, question: Question) -> None:
        """Begin to answer; an earlier question is dropped."""
        ...

    def poll(self) -> ProposalState:
        """Return the state of the last question."""
        ...

    def close(self) -> None:
        """End the worker."""
        ...


class StatusSink(Protocol):
    """Where the status and its events go."""

    def write(self, status: Mapping[str, Any]) -> None:
        """Write the whole status."""
        ...

    def event(self, reason: str, message: str) -> None:
        """Tell people of something that has happened once."""
        ...


class Clock(Protocol):
    """Time."""

    def now(self) -> float:
        """Return seconds since 1970."""
        ...

    def wait(self, seconds: float) -> None:
        """Return after some seconds, or sooner when woken."""
        ...
