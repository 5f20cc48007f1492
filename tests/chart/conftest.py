"""Helm for all tests of the chart."""

from __future__ import annotations

from pathlib import Path

import pytest

from binaries import built
from helm import Helm


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def helm() -> Helm:
    return Helm(built("helm")["helm"])
