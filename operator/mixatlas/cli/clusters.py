"""Naming a cluster and a search on it; the same options for every command that does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from mixatlas.cli.documents import dir_option, file_option
from mixatlas.controller.verbs import Verb, carry_out

if TYPE_CHECKING:
    from mixatlas.controller.access import Access

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """Where a search is: on a cluster when it is named, else on this machine.

    Args:
        name: Of a search on a cluster, or None.
        context: Of the kubeconfig, or None for the current one.
        namespace: None for the context's.
        file: The document of a search on this machine.
        folder: Its state, or None for the folder beside the document.
    """

    name: str | None
    context: str | None
    namespace: str | None
    file: Path
    folder: Path | None

    def open_cluster(self) -> Access:
        """Connect to the cluster."""
        return open_cluster(self.context, self.namespace)


def open_cluster(context: str | None, namespace: str | None) -> Access:
    """Connect to a cluster.

    Raises:
        click.ClickException: The Kubernetes client is not installed.
    """
    try:
        # Loaded here: commands for this machine need no Kubernetes.
        from mixatlas.controller.access import open_cluster as connect
    except ModuleNotFoundError as error:
        raise click.ClickException(
            f"{error.name} is not installed: pip install 'mixatlas[cluster]'"
        ) from error
    return connect(context, namespace)


def cluster_options(function: F) -> F:
    """Add `--context` and `-n`."""
    for option in (
        click.option(
            "-n", "--namespace", help="Namespace of the search  [default: the context's]."
        ),
        click.option("--context", help="Context of the kubeconfig  [default: the current one]."),
    ):
        function = option(function)
    return function


def where_options(function: Callable[..., None]) -> Callable[..., None]:
    """Add the options of both places, and hand them over as one `where`.

    The command has an argument `name`: of a search on a cluster, or None.
    """

    @wraps(function)
    def command(
        *,
        name: str | None,
        context: str | None,
        namespace: str | None,
        file: Path,
        folder: Path | None,
        **others: Any,
    ) -> None:
        _refuse_both(name)
        where = Where(name=name, context=context, namespace=namespace, file=file, folder=folder)
        function(where=where, **others)

    return file_option(dir_option(cluster_options(command)))


def _refuse_both(name: str | None) -> None:
    """Refuse options of one place beside those of the other."""
    alien = ("file", "folder") if name else ("context", "namespace")
    here = click.get_current_context()
    if any(here.get_parameter_source(option) is ParameterSource.COMMANDLINE for option in alien):
        raise click.UsageError(
            "A search on a cluster has a NAME, one on this machine a FILE (-f): give one of them."
        )


def change(name: str, context: str | None, namespace: str | None, verb: Verb) -> None:
    """Carry out a verb, and say what happens next and how it is taken back."""
    if not carry_out(open_cluster(context, namespace), name, verb):
        click.echo(f"{name}: nothing to change")
        return
    click.echo(f"{name}: {verb.effect}.")
    click.echo(f"To take it back: {verb.undo.format(name=name)}")
