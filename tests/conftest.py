"""Rules for all tests: what is skipped says why, once a kind, and in CI nothing is."""

from __future__ import annotations

import os
from collections import Counter

import hypothesis
import pytest

# No test writes into the store of whoever runs it.
for _name in ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"):
    os.environ.pop(_name, None)

# Before torch is imported: two workers with two threads each wait for each other's threads.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# A slow machine is no failure.
hypothesis.settings.register_profile("default", deadline=None)
hypothesis.settings.load_profile("default")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rewrite-golden", action="store_true", help="Rewrite the golden files.")


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = Counter(report.longrepr[2].removeprefix("Skipped: ") for report in skipped)
    for reason, n in reasons.items():
        terminalreporter.write_line(f"{n} skipped: {reason}")
    if skipped and os.environ.get("MIXATLAS_NO_SKIPS"):
        terminalreporter.write_line(f"{len(skipped)} tests were skipped; CI allows none")


def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter and reporter.stats.get("skipped") and os.environ.get("MIXATLAS_NO_SKIPS"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
