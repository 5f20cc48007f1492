"""What the process is told by its environment."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mixatlas.contract.errors import ContractViolation

TERMINATION_LOG = "/dev/termination-log"
DEFAULT_CACHE_GIB = "50"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The environment of one attempt, checked.

    Attributes:
        trial: URI of the trial file.
        trial_digest: What the trial file must hash to.
        attempt: Number of the attempt, from 1.
        pod_uid: Names what this attempt writes.
        micro_batch_divisor: 2 after the memory ran out; the global batch stays.
        cache: Folder of the shared cache, None for one of our own.
        cache_bytes: Its limit.
        threads: Threads of torch, None for its own choice.
        termination_log: File whose content reaches whoever watches the process.
    """

    trial: str
    trial_digest: str
    attempt: int
    pod_uid: str
    micro_batch_divisor: int
    cache: Path | None
    cache_bytes: int
    threads: int | None
    termination_log: Path

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Settings:
        """Read the environment.

        Raises:
            ContractViolation: A variable is missing, or not a number where it must be one.
        """
        cache = environ.get("MIXATLAS_CACHE")
        return cls(
            trial=_required(environ, "MIXATLAS_TRIAL"),
            trial_digest=_required(environ, "MIXATLAS_TRIAL_DIGEST"),
            attempt=_positive(environ, "MIXATLAS_ATTEMPT", "1"),
            pod_uid=_required(environ, "MIXATLAS_POD_UID"),
            micro_batch_divisor=_positive(environ, "MIXATLAS_MICRO_BATCH_DIVISOR", "1"),
            cache=Path(cache) if cache else None,
            cache_bytes=_positive(environ, "MIXATLAS_CACHE_GIB", DEFAULT_CACHE_GIB) << 30,
            threads=_positive(environ, "OMP_NUM_THREADS", "1")
            if "OMP_NUM_THREADS" in environ
            else None,
            termination_log=termination_log(environ),
        )


def termination_log(environ: Mapping[str, str]) -> Path:
    """Return where the termination message goes: Kubernetes' place unless told otherwise."""
    return Path(environ.get("MIXATLAS_TERMINATION_LOG", TERMINATION_LOG))


def work_folder() -> tempfile.TemporaryDirectory[str]:
    """Make the attempt's own folder; it is removed with the returned object."""
    return tempfile.TemporaryDirectory(prefix="mixatlas-", ignore_cleanup_errors=True)


def _required(environ: Mapping[str, str], name: str) -> str:
    value = environ.get(name, "")
    if not value:
        raise ContractViolation(
            f"{name} is not set", hint="The README of the trainer lists its environment."
        )
    return value


def _positive(environ: Mapping[str, str], name: str, default: str) -> int:
    text = environ.get(name) or default
    if not text.isdecimal() or int(text) < 1:
        raise ContractViolation(f"{name} is {text!r}", hint="It must be a whole number above 0.")
    return int(text)
