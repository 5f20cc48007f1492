"""Build a MinIO server for the tests, once for each version.

    python tools/minio/build.py

MinIO is under the AGPL: it is built where tests run and talked to over the network, and it is no
part of anything that is shipped. `go.mod` and `go.sum` beside this file pin it by a pseudo-version,
because its release tags are no Go versions. The binary goes to a folder outside the tree that is
named by a hash of the pins, this file and the compiler. Prints that folder.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
NAME, PACKAGE = "minio", "github.com/minio/minio"
FLAGS = ("-trimpath", "-buildvcs=false", "-ldflags=-s -w")


def main() -> None:
    """Build what is missing and print the folder."""
    print(build())


def build() -> Path:
    """Build the server if it is not there yet.

    Returns:
        The folder that holds it.

    Raises:
        FileNotFoundError: There is no Go on this machine.
        subprocess.CalledProcessError: The build failed; its output is on standard error.
    """
    folder = cache_folder()
    if (folder / NAME).exists():
        return folder
    print(f"building {NAME} (once)", file=sys.stderr)
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f".{NAME}.{os.getpid()}"
    _go("build", *FLAGS, "-o", str(partial), PACKAGE)
    partial.replace(folder / NAME)
    return folder


def cache_folder() -> Path:
    """Return where the binary of these pins lies."""
    digest = hashlib.sha256()
    for path in ("go.mod", "go.sum", "build.py"):
        digest.update((HERE / path).read_bytes())
    digest.update(_go("version").encode())
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return root / "mixatlas" / NAME / digest.hexdigest()[:16]


def _go(*arguments: str) -> str:
    environ = {**os.environ, "CGO_ENABLED": "0", "GOWORK": "off", "GOFLAGS": "-mod=readonly"}
    ended = subprocess.run(
        ["go", *arguments], cwd=HERE, env=environ, check=True, stdout=subprocess.PIPE, text=True
    )
    return ended.stdout


if __name__ == "__main__":
    main()
