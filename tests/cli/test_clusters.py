"""A search on a cluster is named, one on this machine has a document: never both."""

from __future__ import annotations

import subprocess
import sys

import pytest
from click.testing import CliRunner

from mixatlas.cli import cli

PROBE = """
import sys
from mixatlas.cli import cli
for name in sys.argv[1:]:
    cli.main([name, "-h"], standalone_mode=False)
assert "kubernetes" not in sys.modules
"""
WITHOUT_CLIENT = """
import sys
sys.modules["kubernetes"] = None  # as if it were not installed
from mixatlas.cli import main
main()
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ("status", "small", "-f", "search.yaml"),
        ("trials", "small", "-d", "folder"),
        ("logs", "small", "3", "-f", "search.yaml"),
        ("export", "mixture", "small", "-f", "search.yaml"),
        ("export", "trials", "-n", "team"),
        ("status", "-n", "team"),
        ("trials", "--context", "prod"),
        ("logs", "3", "-n", "team"),
    ],
)
def test_options_of_both_places_are_refused(arguments: tuple[str, ...]) -> None:
    ended = CliRunner().invoke(cli, arguments)
    assert ended.exit_code == 2
    assert "A search on a cluster has a NAME, one on this machine a FILE" in ended.output


def test_logs_take_one_name_and_a_number() -> None:
    ended = CliRunner().invoke(cli, ["logs", "small", "other", "3"])
    assert ended.exit_code == 2
    assert "Give at most one NAME" in ended.output


@pytest.mark.slow
def test_the_kubernetes_client_is_loaded_only_to_connect() -> None:
    names = ("list", "status", "trials", "logs", "suspend", "resume", "stop", "cancel", "doctor")
    ended = subprocess.run([sys.executable, "-c", PROBE, *names], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [("list",), ("suspend", "small"), ("doctor",)])
def test_a_client_that_is_missing_is_named(arguments: tuple[str, ...]) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", WITHOUT_CLIENT, *arguments], capture_output=True, text=True
    )
    assert ended.returncode == 1
    assert "kubernetes is not installed: pip install 'mixatlas[cluster]'" in ended.stderr
    assert "Traceback" not in ended.stderr
