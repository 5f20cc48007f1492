"""The command line: one file a command, parsing and printing only.

Knows: options, tables, exit codes.
Never decides anything: every command calls one function of another room.
Used by: people and scripts. Importing it loads click and the standard library, nothing more.
"""

from __future__ import annotations

import sys
from importlib import import_module

import click

COMMANDS = {
    "validate": "Check documents; nothing is started.",
    "plan": "Show the feasible region, the first round and the cost; nothing is written.",
    "run": "Run a search on this machine, or go on with it.",
    "list": "List the searches of a cluster.",
    "status": "Show how a search stands.",
    "trials": "List all trials of a search.",
    "logs": "Print the log of a trial.",
    "suspend": "Start nothing new of a search on a cluster.",
    "resume": "Let a search on a cluster go on: take back suspend, stop or cancel.",
    "stop": "Propose no further mixtures: finish what runs, then confirm.",
    "cancel": "End a search on a cluster now, without a winner.",
    "doctor": "Look for what keeps the searches of a cluster from running.",
    "export": "Write the winner's mixture, or all trials, for other programs.",
    "fit": "Learn metrics from a table of finished runs, and predict new mixtures.",
    "propose": "Choose the next mixtures after a table of finished runs.",
    "replay": "Search over a table of finished runs: how soon is the best found?",
    "attribution": "Show which domain moves which metric in a table of finished runs.",
    "corpus": "Pack, check and push a corpus.",
    "operator": "Run the searches of a cluster; started by the chart.",
    "version": "Print the version.",
}


class _Lazy(click.Group):
    """Loads a command's module only when the command is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command = import_module(f"mixatlas.cli.{cmd_name}").command
        if not isinstance(command, click.Command):
            raise TypeError(f"mixatlas.cli.{cmd_name}.command is no command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List commands without loading any."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Find the training-data mixture of a multimodal model with proxy runs.

    A search is one YAML document; run it here with `mixatlas run -f search.yaml`, or on a
    cluster with `kubectl apply -f search.yaml`.
    """


def main() -> None:
    """Run the command line, and turn every error of ours into its message and exit code."""
    program = sys.argv[0].rpartition("/")[2]  # without pathlib, which is slow to load
    name = "kubectl mixatlas" if program.startswith("kubectl-") else "mixatlas"
    try:
        # Without its standalone mode click returns what `Exit` carries.
        sys.exit(cli.main(prog_name=name, standalone_mode=False))
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except Exception as error:
        sys.exit(_report(error))


def _report(error: Exception) -> int:
    """Print an error of ours and return its exit code; raise any other."""
    from mixatlas.contract.errors import MixAtlasError
    from mixatlas.contract.reasons import ERRORS

    if not isinstance(error, MixAtlasError):
        raise error
    click.echo(str(error), err=True)
    return int(ERRORS[type(error)][1])
