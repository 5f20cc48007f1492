"""The process that trials are forked from: it has torch imported, so a trial starts at once.

It talks JSON lines on its standard streams: `{"start": NAME, "environ": {…}, "log": PATH}`,
`{"stop": NAME, "grace_s": S}` come in, `{"started": NAME, "pid": N}` and
`{"ended": NAME, "status": WAIT_STATUS}` go out. When its input closes it kills what runs and
ends. It never runs torch itself: a process that forks must not have started torch's threads.
"""

from __future__ import annotations

import importlib
import json
import os
import select
import signal
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from mixatlas.adapters.processes import die_with_parent

Entry = Callable[[Mapping[str, str]], int]
DEFAULT_ENTRY = "mixatlas_trainer.main:main"


def main() -> None:
    """Serve until the input closes."""
    die_with_parent(int(sys.argv[2]))
    module, _, function = sys.argv[1].partition(":")
    entry: Entry = getattr(importlib.import_module(module), function)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the driver's to handle
    _Server(entry).serve()


class _Server:
    def __init__(self, entry: Entry) -> None:
        self._entry = entry
        self._running: dict[int, str] = {}
        self._deadlines: dict[int, float] = {}
        self._buffer = b""

    def serve(self) -> None:
        wake_read, wake_write = os.pipe()
        os.set_blocking(wake_write, False)
        signal.set_wakeup_fd(wake_write)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        _say({"ready": True})
        while True:
            ready, _, _ = select.select([0, wake_read], [], [], self._patience())
            if wake_read in ready:
                os.read(wake_read, 4096)
            self._reap()
            self._kill_overdue()
            if 0 in ready and not self._read():
                break
        for pid in self._running:
            _kill_group(pid)

    def _patience(self) -> float | None:
        if not self._deadlines:
            return None
        return max(0.0, min(self._deadlines.values()) - time.monotonic())

    def _read(self) -> bool:
        """Carry out what has come in; False when the input has closed."""
        chunk = os.read(0, 1 << 16)
        *lines, self._buffer = (self._buffer + chunk).split(b"\n")
        for line in lines:
            order = json.loads(line)
            if "start" in order:
                self._start(order["start"], order["environ"], Path(order["log"]))
            elif "stop" in order:
                self._stop(order["stop"], order["grace_s"])
        return bool(chunk)

    def _start(self, name: str, environ: dict[str, str], log: Path) -> None:
        parent = os.getpid()
        try:
            pid = os.fork()
        except OSError as error:
            log.write_text(f"no process could be forked: {error}\n")
            _say({"ended": name, "status": 1 << 8})
            return
        if pid == 0:
            self._become_trial(environ, log, parent)
        _lead_a_group(pid)
        self._running[pid] = name
        _say({"started": name, "pid": pid})

    def _become_trial(self, environ: dict[str, str], log: Path, parent: int) -> NoReturn:
        """Run the trainer in the child; nothing of the server's goes on here."""
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            _lead_a_group(0)
            die_with_parent(parent)
            null = os.open(os.devnull, os.O_RDONLY)
            output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            for target, source in ((0, null), (1, output), (2, output)):
                os.dup2(source, target)
            os.environ.clear()
            os.environ.update(environ)
            code = self._entry(os.environ)
        except BaseException:
            import traceback

            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def _stop(self, name: str, grace_s: float) -> None:
        for pid, running in self._running.items():
            if running == name and pid not in self._deadlines:
                os.kill(pid, signal.SIGTERM)
                self._deadlines[pid] = time.monotonic() + grace_s

    def _kill_overdue(self) -> None:
        for pid, deadline in list(self._deadlines.items()):
            if time.monotonic() >= deadline:
                _kill_group(pid)
                del self._deadlines[pid]

    def _reap(self) -> None:
        while self._running:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            name = self._running.pop(pid, None)
            self._deadlines.pop(pid, None)
            if name is not None:
                _say({"ended": name, "status": status})


def _lead_a_group(pid: int) -> None:
    """Make a trial the leader of its process group; parent and child both do, one is first."""
    with suppress(PermissionError, ProcessLookupError):
        os.setpgid(pid, pid)


def _kill_group(leader: int) -> None:
    with suppress(PermissionError, ProcessLookupError):  # it has just ended by itself
        os.killpg(leader, signal.SIGKILL)


def _say(message: dict[str, Any]) -> None:
    os.write(1, json.dumps(message).encode() + b"\n")


if __name__ == "__main__":
    main()
