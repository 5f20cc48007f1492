"""Programs that tests run beside ours, built from their Go modules on first use."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

BUILD = Path(__file__).parents[1] / "tools" / "build.py"
LOCK = Path(tempfile.gettempdir()) / "mixatlas-build.lock"


def built(*names: str) -> dict[str, Path]:
    """Return where these binaries lie; without Go the test is skipped."""
    if shutil.which("go") is None:
        pytest.skip(f"needs Go 1.24 or newer, to build {', '.join(names)}")
    with LOCK.open("w") as lock:  # test processes side by side would build the same
        fcntl.flock(lock, fcntl.LOCK_EX)
        ended = subprocess.run(
            [sys.executable, str(BUILD), *names], check=True, stdout=subprocess.PIPE, text=True
        )
    return dict(zip(names, map(Path, ended.stdout.splitlines()), strict=True))
