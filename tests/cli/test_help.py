"""`mixatlas --help` is quick because it loads next to nothing."""

from __future__ import annotations

import subprocess
import sys

import pytest

from mixatlas.cli import COMMANDS, main

PROBE = """
import sys
sys.argv = ["mixatlas", "--help"]
from mixatlas.cli import main
try:
    main()
except SystemExit as end:
    assert not end.code
heavy = {"torch", "pydantic", "numpy", "scipy", "yaml", "rich", "minio"} & set(sys.modules)
assert not heavy, heavy
"""


def test_help_loads_neither_torch_nor_pydantic() -> None:
    ended = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    for name, text in COMMANDS.items():
        assert name in ended.stdout
        assert text.split()[0] in ended.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["mixatlas", name, "-h"])
    with pytest.raises(SystemExit) as end:
        main()
    assert not end.value.code
    assert f"Usage: mixatlas {name}" in capsys.readouterr().out


def test_tables_do_without_botorch() -> None:
    probe = (
        "import sys, mixatlas.cli.propose, mixatlas.cli.fit; assert 'botorch' not in sys.modules"
    )
    assert subprocess.run([sys.executable, "-c", probe]).returncode == 0
