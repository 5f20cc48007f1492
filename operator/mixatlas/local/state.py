"""The folder in which a local search lives, and the lock on it."""

from __future__ import annotations

import fcntl
import json
import os
import uuid
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, final

from mixatlas.contract.errors import SearchLocked


@dataclass(frozen=True, slots=True)
class StateFolder:
    """`.mixatlas/NAME/` beside the document. It can be deleted: that forgets the search.

    Args:
        path: The folder.
    """

    path: Path

    @classmethod
    def of(cls, document: Path, name: str, folder: Path | None) -> StateFolder:
        """Return the folder of a search: the one given, else the one beside its document."""
        return cls(folder if folder is not None else document.parent / ".mixatlas" / name)

    @property
    def store(self) -> Path:
        """Data of the embedded S3 server."""
        return self.path / "s3"

    @property
    def attempts(self) -> Path:
        """What the runner knows of attempts."""
        return self.path / "attempts"

    @property
    def logs(self) -> Path:
        """Output of attempts and servers."""
        return self.path / "logs"

    @property
    def cache(self) -> Path:
        """Shards that trials share."""
        return self.path / "cache"

    @property
    def status(self) -> Path:
        """The resource with its status."""
        return self.path / "status.json"

    @property
    def report(self) -> Path:
        """A copy of the report."""
        return self.path / "report.html"

    def uid(self) -> str:
        """Return the identity of the search, made on first use."""
        path = self.path / "uid"
        if not path.exists():
            write_whole(path, uuid.uuid4().hex.encode())
        return path.read_text(encoding="ascii").strip()

    def keep_answer(self, text: str) -> None:
        """Keep what a person was told at the end."""
        write_whole(self.path / "answer.txt", text.encode())

    def read_answer(self, spec: dict[str, Any]) -> str | None:
        """Return what was told at the end of a search that succeeded with this very document."""
        path, resource = self.path / "answer.txt", self.read_status()
        if resource is None or not path.exists() or resource["spec"] != spec:
            return None
        conditions = {c["type"]: c["status"] for c in resource["status"]["conditions"]}
        is_over = conditions.get("Finished") == conditions.get("Succeeded") == "True"
        return path.read_text(encoding="utf-8") if is_over else None

    def read_status(self) -> dict[str, Any] | None:
        """Return the resource as last written, or None before the first run."""
        if not self.status.exists():
            return None
        resource: dict[str, Any] = json.loads(self.status.read_bytes())
        return resource


def write_whole(path: Path, data: bytes, mode: int = 0o644) -> None:
    """Write a file whole, or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


@final
class Lock:
    """Held while a search runs; the system releases it when the process ends, however.

    Args:
        state: Folder of the search.

    Raises:
        SearchLocked: Entering, when another process holds it.
    """

    def __init__(self, state: StateFolder) -> None:
        self._path = state.path / "lock"
        self._descriptor = -1

    def __enter__(self) -> Self:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(self._descriptor, 32).decode(errors="replace").strip()
            os.close(self._descriptor)
            raise SearchLocked(
                f"this search is being run by process {holder or 'unknown'}",
                hint="Wait for it, or end it; `mixatlas status -w` watches it.",
            ) from None
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, str(os.getpid()).encode(), 0)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self._descriptor)
