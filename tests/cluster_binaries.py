"""Binaries of the test cluster, built from their Go modules on first use."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

BUILD = Path(__file__).parents[1] / "tools" / "cluster" / "build.py"


def built(*names: str) -> Path:
    """Return the folder that holds these binaries; without Go the test is skipped."""
    if shutil.which("go") is None:
        pytest.skip(f"needs Go 1.24 or newer, to build {', '.join(names)}")
    ended = subprocess.run(
        [sys.executable, str(BUILD), *names], check=True, stdout=subprocess.PIPE, text=True
    )
    return Path(ended.stdout.strip())
