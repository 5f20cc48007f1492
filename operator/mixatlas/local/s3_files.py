"""What lies beside an S3 server's data: its lock, its credentials, the ports of last time."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import socket
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from mixatlas.contract.errors import StoreUnavailable
from mixatlas.local.state import write_whole

HOST = "127.0.0.1"
LOCK_LIMIT_S = 30.0
POLL_S = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Credentials of one server, kept with its data so that they outlive it."""

    access_key: str
    secret_key: str


def read_identity(folder: Path) -> Identity:
    """Read the credentials of a server, made on first use and readable by the owner only."""
    path = folder / "identities.json"
    if not path.exists():
        identity = Identity(access_key=secrets.token_hex(10), secret_key=secrets.token_hex(20))
        keys = {"accessKey": identity.access_key, "secretKey": identity.secret_key}
        actions = ["Admin", "Read", "Write", "List", "Tagging"]
        users = [{"name": "mixatlas", "credentials": [keys], "actions": actions}]
        write_whole(path, json.dumps({"identities": users}).encode(), 0o600)
        return identity
    keys = json.loads(path.read_bytes())["identities"][0]["credentials"][0]
    return Identity(access_key=keys["accessKey"], secret_key=keys["secretKey"])


def wait_for_lock(folder: Path) -> int:
    """Return a descriptor that holds the lock on the data; whoever inherits it holds it too.

    Raises:
        StoreUnavailable: Another process goes on holding it.
    """
    end = time.monotonic() + LOCK_LIMIT_S
    while (lock := _lock(folder)) is None:
        if time.monotonic() > end:
            raise StoreUnavailable(
                f"another command serves {folder}", hint="Wait for it to end, or end it."
            )
        time.sleep(POLL_S)
    return lock


def _lock(folder: Path) -> int | None:
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    return lock


def is_served(folder: Path) -> bool:
    """Tell whether a server holds the lock on the data."""
    if not (folder / "lock").exists():
        return False
    lock = _lock(folder)
    if lock is None:
        return True
    os.close(lock)
    return False


def ports_of_last_time(folder: Path, n: int) -> list[int] | None:
    """Return the ports of the last start, or None where one is missing or not free."""
    path = folder / "ports.json"
    if not path.exists():
        return None
    ports: list[int] = json.loads(path.read_bytes())
    with ExitStack() as stack:
        for port in ports:
            probe = stack.enter_context(socket.socket())
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # TIME_WAIT is free
            try:
                probe.bind((HOST, port))
            except OSError:
                return None
    return ports if len(ports) == n else None


def free_ports(n: int) -> list[int]:
    """Return ports of 127.0.0.1 on which nobody listens."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(n)]
        for each in sockets:
            each.bind((HOST, 0))
        return [each.getsockname()[1] for each in sockets]
