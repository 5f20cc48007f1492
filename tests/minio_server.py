"""A real MinIO server on 127.0.0.1, built from its Go module by `tools/build.py`."""

from __future__ import annotations

import os
import secrets
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

from mixatlas.adapters.s3 import S3Settings, S3Store
from mixatlas.contract.errors import StoreUnavailable
from mixatlas.local.s3_files import HOST, free_ports
from processes import until


class MinioServer:
    """Runs from `with` to its end, with one bucket.

    Args:
        folder: For its data and log.
        binary: Of the server.

    Attributes:
        settings: How to reach it.
    """

    def __init__(self, folder: Path, binary: Path) -> None:
        self._folder = folder
        self._binary = binary
        self._port, self._console = free_ports(2)
        self.settings = S3Settings(
            endpoint=f"http://{HOST}:{self._port}",
            access_key=secrets.token_hex(10),
            secret_key=secrets.token_hex(20),
        )
        self._process: subprocess.Popen[bytes]

    def __enter__(self) -> Self:
        environ = {
            **os.environ,
            "HOME": str(self._folder),
            "MINIO_ROOT_USER": str(self.settings.access_key),
            "MINIO_ROOT_PASSWORD": str(self.settings.secret_key),
            "MINIO_BROWSER": "off",
            "MINIO_UPDATE": "off",
            "MINIO_CALLHOME_ENABLE": "off",
        }
        with (self._folder / "minio.log").open("wb") as log:
            self._process = subprocess.Popen(
                [
                    *(str(self._binary), "server", "--quiet"),
                    *("--address", f"{HOST}:{self._port}"),
                    *("--console-address", f"{HOST}:{self._console}"),
                    str(self._folder / "data"),
                ],
                env=environ,
                stdout=log,
                stderr=log,
            )
        try:
            until(self._has_bucket)
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop()

    def _has_bucket(self) -> bool:
        assert self._process.poll() is None, (self._folder / "minio.log").read_text()
        try:
            S3Store(self.settings, tries=1).ensure_bucket("mixatlas")
        except StoreUnavailable:
            return False
        return True

    def _stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
