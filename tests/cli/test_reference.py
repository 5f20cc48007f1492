"""The reference of the commands is current; its page is what `-h` prints."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from mixatlas.cli import COMMANDS, cli
from mixatlas.cli.reference import MEANINGS, command_helps, render_commands
from mixatlas.contract.exit_codes import CliExit

PAGE = Path(__file__).parents[2] / "docs/reference/commands.md"


def test_the_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == render_commands(), "run `make generate`"


def test_the_page_has_what_a_terminal_shows() -> None:
    helps = dict(command_helps())
    assert {name.split()[1] for name in helps} == set(COMMANDS)
    assert "mixatlas export trials" in helps
    for name, text in helps.items():
        arguments = [*name.split()[1:], "-h"]
        shown = CliRunner().invoke(cli, arguments, prog_name="mixatlas", terminal_width=80)
        assert shown.output == text + "\n"


def test_every_exit_code_is_explained() -> None:
    assert set(MEANINGS) == set(CliExit)
