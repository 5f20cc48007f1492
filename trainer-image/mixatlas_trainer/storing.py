"""Handing over: what must be stored is tried for fifteen minutes, then said in 4 KiB."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, final

from mixatlas.contract.canonical import canonical_json
from mixatlas.contract.errors import MixAtlasError, StoreForbidden, StoreUnavailable
from mixatlas.contract.result import TERMINATION_MESSAGE_BYTES, TrialResult
from mixatlas_trainer.objects import Objects
from mixatlas_trainer.settings import TERMINATION_LOG

LIMIT_S = 900.0
PAUSE_S = 5.0
LOG_BYTES = 1 << 20

_LOG = logging.getLogger(__name__)
Answer = TypeVar("Answer")


class ResultNotStored(MixAtlasError):
    """The store did not take the result for fifteen minutes (exit code 45)."""


@final
class Insistence:
    """Repeats calls to the store until one deadline for all of them.

    Args:
        wait: Sleeps; may raise to give up early.
        clock: Monotonic seconds.
        limit_s: From the first call on.
    """

    def __init__(
        self,
        wait: Callable[[float], None],
        *,
        clock: Callable[[], float] = time.monotonic,
        limit_s: float = LIMIT_S,
    ) -> None:
        self._wait = wait
        self._clock = clock
        self._limit_s = limit_s
        self._until: float | None = None

    def on(self, call: Callable[[], Answer]) -> Answer:
        """Return what `call` returns once the store takes it.

        Raises:
            ResultNotStored: The deadline has passed.
        """
        if self._until is None:
            self._until = self._clock() + self._limit_s
        while True:
            try:
                return call()
            # A refusal may be credentials that are being renewed: the work of a whole trial is
            # worth the wait.
            except (StoreUnavailable, StoreForbidden) as error:
                _LOG.warning("not stored yet: %s", error)
                if self._clock() >= self._until:
                    raise ResultNotStored(error.message, hint=error.hint) from error
                self._wait(PAUSE_S)


def termination_message(result: TrialResult) -> bytes:
    """Return a result in at most 4 KiB, which the driver accepts instead of `result.json`.

    Numbers are rounded to 8 digits; the domains' use, then versions, are left out where needed.

    Raises:
        ValueError: The scores alone do not fit.
    """
    plain = result.to_plain()
    for score in plain["benchmarks"].values():
        for key in ("value", "sem", "chance"):
            score[key] = float(f"{score[key]:.8g}")
    for dropped in ("", "domains", "versions"):
        plain.pop(dropped, None)
        message = canonical_json(plain)
        if len(message) <= TERMINATION_MESSAGE_BYTES:
            return message
    raise ValueError(f"the scores of {len(result.benchmarks)} benchmarks do not fit in 4 KiB")


def write_termination_log(path: Path, message: bytes) -> None:
    """Leave the last word to whoever watches the process.

    Outside a pod nothing reads Kubernetes' file, so it is not made there.
    """
    if str(path) == TERMINATION_LOG and not path.exists():
        return
    try:
        path.write_bytes(message[:TERMINATION_MESSAGE_BYTES])
    except OSError as error:
        _LOG.warning("termination message: %s", error)


def upload_log(objects: Objects, uri: str, path: Path) -> None:
    """Store the end of the attempt's log. Losing it changes no outcome."""
    with path.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - LOG_BYTES))
        content = file.read()
    try:
        objects.write(uri, content)
    except (StoreUnavailable, StoreForbidden, OSError) as error:
        _LOG.warning("log was not stored: %s", error)
