"""Trials as subprocesses of this machine."""

from __future__ import annotations

import json
import os
import shutil
import signal
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import final

from mixatlas.contract.exit_codes import TrainerExit
from mixatlas.driver.ports import StartRequest
from mixatlas.local.fork_client import End, ForkServer
from mixatlas.local.fork_server import DEFAULT_ENTRY
from mixatlas.local.state import StateFolder, write_whole
from mixatlas.plan.observed import AttemptState

GRACE_S = 60.0
MESSAGE_BYTES = 4096
NODE = "local"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunnerSettings:
    """How trials run here.

    Args:
        threads: Of each trial.
        environ: Handed to every trial: how to reach the store, and the document's own.
        deadline_s: Seconds after which an attempt is ended, or None.
        grace_s: Between SIGTERM and SIGKILL: time for a checkpoint.
        entry: `MODULE:FUNCTION` of the trainer; another one is for tests.
    """

    threads: int
    environ: Mapping[str, str]
    deadline_s: float | None = None
    grace_s: float = GRACE_S
    entry: str = DEFAULT_ENTRY


@final
class SubprocessRunner:
    """Runs attempts as forks of one server process; a trial runner.

    Every attempt is written down in the state folder. Attempts of an earlier process that had
    not ended are lost, because trials end with their driver; they are reported so, uncounted,
    and the next attempt goes on from their checkpoint. On Linux the kernel ends them
    (PR_SET_PDEATHSIG); everywhere the server does, when its input closes with the driver.

    Args:
        state: Folder of the search.
        settings: How trials run.
    """

    def __init__(self, state: StateFolder, settings: RunnerSettings) -> None:
        self._state = state
        self._settings = settings
        self._image = image_id()
        self._lock = threading.Lock()
        self._server: ForkServer | None = None
        self._attempts: dict[str, AttemptState] = {}
        self._ending: set[str] = set()
        """Asked to end, by the search or for the deadline: signals that end them are ours."""
        for folder in (state.attempts, state.logs, state.cache):
            folder.mkdir(parents=True, exist_ok=True)
        for path in sorted(state.attempts.glob("*.json")):
            self._recall(path)

    def start(self, request: StartRequest) -> None:
        """Start an attempt; one of the same name that exists is success."""
        with self._lock:
            if request.name in self._attempts:
                return
            pod_uid = str(uuid.uuid4())
            self._note(
                AttemptState(
                    name=request.name,
                    trial=request.trial,
                    attempt=request.attempt,
                    digest=request.digest,
                    pod_uid=pod_uid,
                    image_id=self._image,
                    phase="running",
                    started=time.time(),
                    node=NODE,
                    micro_batch_divisor=request.micro_batch_divisor,
                )
            )
        self._fork(request, pod_uid)

    def stop(self, name: str) -> None:
        """Ask an attempt to end: SIGTERM, then SIGKILL after its grace period."""
        with self._lock:
            attempt = self._attempts.get(name)
            if attempt is None or not attempt.can_be_stopped:
                return
            self._note(replace(attempt, is_stopped=True))
        self._ask_to_end(name)

    def _ask_to_end(self, name: str) -> None:
        with self._lock:
            if name in self._ending:
                return
            self._ending.add(name)
        if self._server is not None:
            self._server.stop(name, grace_s=self._settings.grace_s)

    def observe(self) -> tuple[AttemptState, ...]:
        """Return all attempts that are not forgotten."""
        self._stop_overdue()
        with self._lock:
            return tuple(self._attempts[name] for name in sorted(self._attempts))

    def forget(self, name: str) -> None:
        """Remove an attempt that has ended. Its log stays with the search."""
        with self._lock:
            attempt = self._attempts.get(name)
            if attempt is None or attempt.phase != "ended":
                return
            del self._attempts[name]
            self._path(name).unlink(missing_ok=True)
            self._ending.discard(name)
        shutil.rmtree(self._fresh_cache(attempt.pod_uid), ignore_errors=True)

    def close(self) -> None:
        """End everything that runs."""
        server, self._server = self._server, None
        if server is not None:
            server.close()

    def log_path(self, name: str) -> Path:
        """Return where an attempt's output goes."""
        return self._state.logs / f"{name}.log"

    def _path(self, name: str) -> Path:
        return self._state.attempts / f"{name}.json"

    def _termination_path(self, name: str) -> Path:
        return self._state.logs / f"{name}.termination"

    def _fresh_cache(self, pod_uid: str) -> Path:
        return self._state.path / f"cache-{pod_uid}"

    def _environ(self, request: StartRequest, pod_uid: str) -> dict[str, str]:
        cache = self._fresh_cache(pod_uid) if request.fresh_cache else self._state.cache
        return {
            **{key: value for key, value in os.environ.items() if not key.startswith("MIXATLAS_")},
            **self._settings.environ,
            "OMP_NUM_THREADS": str(self._settings.threads),
            "TOKENIZERS_PARALLELISM": "false",
            "MIXATLAS_TRIAL": request.trial_uri,
            "MIXATLAS_TRIAL_DIGEST": request.digest,
            "MIXATLAS_ATTEMPT": str(request.attempt),
            "MIXATLAS_POD_UID": pod_uid,
            "MIXATLAS_MICRO_BATCH_DIVISOR": str(request.micro_batch_divisor),
            "MIXATLAS_CACHE": str(cache),
            "MIXATLAS_TERMINATION_LOG": str(self._termination_path(request.name)),
        }

    def _note(self, attempt: AttemptState) -> None:
        """Remember an attempt, here and on disk."""
        self._attempts[attempt.name] = attempt
        write_whole(self._path(attempt.name), json.dumps(asdict(attempt)).encode())

    def _recall(self, path: Path) -> None:
        """Take up what an earlier process noted; what ran then is lost."""
        attempt = AttemptState(**json.loads(path.read_bytes()))
        if attempt.phase != "ended":
            attempt = replace(
                attempt, phase="ended", ended=path.stat().st_mtime, message="ended with its driver"
            )
            self._note(attempt)
        self._attempts[attempt.name] = attempt

    def _fork(self, request: StartRequest, pod_uid: str) -> None:
        environ, log = self._environ(request, pod_uid), self.log_path(request.name)
        if self._server is not None:
            if self._server.start(request.name, environ=environ, log=log):
                return
            self._server.close()  # it has ended, and now has told of what it lost
        self._server = self._spawn()
        # One that ends at once reports the attempt as ended by itself.
        self._server.start(request.name, environ=environ, log=log)

    def _spawn(self) -> ForkServer:
        return ForkServer(
            self._settings.entry,
            environ={
                **os.environ,
                **self._settings.environ,
                "OMP_NUM_THREADS": str(self._settings.threads),
                "OPENBLAS_NUM_THREADS": "1",  # numpy's own threads would not survive a fork
            },
            log=self._state.logs / "fork-server.log",
            on_end=self._end,
        )

    def _end(self, end: End) -> None:
        """Note an end; called from the fork server's listener."""
        with self._lock:
            attempt = self._attempts[end.name]
            is_killed = end.code is not None and end.code < 0
            is_ours = end.name in self._ending
            self._note(
                replace(
                    attempt,
                    phase="ended",
                    exit_code=int(TrainerExit.TERMINATED) if is_killed and is_ours else end.code,
                    signalled=is_killed and not is_ours,
                    message=end.message or self._message(end.name, end.code or 0),
                    ended=time.time(),
                )
            )

    def _message(self, name: str, code: int) -> str:
        """Return the termination message, else the end of the log."""
        if code < 0:
            return f"killed by signal {-code} ({signal.strsignal(-code)})"
        for path in (self._termination_path(name), self.log_path(name)):
            if path.exists() and path.stat().st_size:
                with path.open("rb") as file:
                    file.seek(max(0, path.stat().st_size - MESSAGE_BYTES))
                    return file.read().decode(errors="replace")
        return ""

    def _stop_overdue(self) -> None:
        limit = self._settings.deadline_s
        if limit is None:
            return
        with self._lock:
            running = [a for a in self._attempts.values() if a.phase != "ended"]
        for attempt in running:
            if time.time() - attempt.started > limit:
                self._ask_to_end(attempt.name)


def threads_per_trial(cores: int, parallelism: int) -> int:
    """Return how many threads each trial gets, at least 1.

    Example:
        >>> threads_per_trial(8, 3)
        2
    """
    return max(1, cores // max(1, parallelism))


def image_id() -> str:
    """Return the identity of the trainer: the SHA-256 of its sources and of torch's version."""
    spec = find_spec("mixatlas_trainer")
    digest = sha256(version("torch").encode())
    for folder in spec.submodule_search_locations or () if spec else ():
        for path in sorted(Path(folder).glob("**/*.py")):
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return f"sha256:{digest.hexdigest()}"
