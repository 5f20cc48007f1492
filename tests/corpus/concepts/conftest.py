"""What all tests of concepts share: one trained checkpoint."""

from __future__ import annotations

from pathlib import Path

import pytest

from clip_checkpoint import write_clip


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("clip") / "model")
