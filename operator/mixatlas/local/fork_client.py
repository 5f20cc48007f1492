"""The driver's end of a fork server: one object a process, until that process ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

STOP_LIMIT_S = 5.0
TAIL_BYTES = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """How a trial's process ended.

    Args:
        name: Of the attempt.
        code: Exit code, or minus the signal; None when the server ended under it, and nobody
            knows.
        message: What the server has to say about it; mostly empty.
    """

    name: str
    code: int | None
    message: str = ""


@final
class ForkServer:
    """A fork server and the trials that were started through it.

    Args:
        entry: `MODULE:FUNCTION` of the trainer.
        environ: Environment of the server.
        log: File for what the server itself prints.
        on_end: Told of every trial that has ended, once, from a thread of ours.
    """

    def __init__(
        self,
        entry: str,
        *,
        environ: Mapping[str, str],
        log: Path,
        on_end: Callable[[End], None],
    ) -> None:
        self._on_end = on_end
        self._log = log
        self._lock = threading.Lock()
        self._running: set[str] = set()
        self._is_ready = False
        self._is_over = False
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "mixatlas.local.fork_server", entry, str(os.getpid())],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                env=dict(environ),
                start_new_session=True,
            )
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    @property
    def pid(self) -> int:
        """Process id of the server."""
        return self._process.pid

    def start(self, name: str, *, environ: Mapping[str, str], log: Path) -> bool:
        """Fork a trial; False when the server has ended and nothing was started."""
        order = {"start": name, "environ": dict(environ), "log": str(log)}
        with self._lock:
            self._running.add(name)
            if self._send(order):
                return True
            self._running.discard(name)
            return False

    def stop(self, name: str, *, grace_s: float) -> None:
        """Send SIGTERM to a trial, and SIGKILL after its grace period."""
        with self._lock:
            self._send({"stop": name, "grace_s": grace_s})

    def close(self) -> None:
        """End the server and what runs in it; `on_end` has been told when this returns."""
        if self._process.stdin is not None:
            with suppress(OSError):  # an order that a dead server never took
                self._process.stdin.close()
        try:
            self._process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()  # its trials end with it
        self._listener.join()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _send(self, order: dict[str, Any]) -> bool:
        stdin = self._process.stdin
        if self._is_over or stdin is None or stdin.closed:
            return False
        try:
            stdin.write(json.dumps(order).encode() + b"\n")
            stdin.flush()
        except OSError:
            return False
        return True

    def _listen(self) -> None:
        """Pass on what the server tells, until it ends; what runs then has ended with it."""
        for line in self._process.stdout or ():
            told = json.loads(line)
            if "ready" in told:
                self._is_ready = True
            elif "ended" in told:
                with self._lock:
                    self._running.discard(told["ended"])
                code = os.waitstatus_to_exitcode(told["status"])
                self._on_end(End(name=told["ended"], code=code))
        code = self._process.wait()
        with self._lock:
            self._is_over = True
            lost, self._running = sorted(self._running), set()
        for name in lost:
            self._on_end(self._lost(name, code))

    def _lost(self, name: str, code: int) -> End:
        """Say what became of a trial whose server ended.

        A server that never came up is a fault of the installation, which a further attempt
        would meet again: its code counts. One that ended later is nobody's fault.
        """
        if self._is_ready:
            return End(name=name, code=None, message=f"the fork server ended with code {code}")
        tail = self._log.read_bytes()[-TAIL_BYTES:].decode(errors="replace").strip()
        return End(name=name, code=code or 1, message=f"the trainer cannot be imported: {tail}")
