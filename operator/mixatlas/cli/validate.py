"""`mixatlas validate FILE…`."""

from __future__ import annotations

from pathlib import Path

import click

from mixatlas.cli.documents import read_text
from mixatlas.contract.errors import SpecError
from mixatlas.contract.exit_codes import CliExit
from mixatlas.spec.load import load_search
from mixatlas.spec.places import Document, Mistake

_HEADER = {"apiVersion", "kind", "metadata", "spec"}
_NEITHER = Mistake(
    path=(),
    message="neither a MixtureSearch nor a corpus document",
    remedy="a MixtureSearch has `apiVersion: mixatlas.dev/v1alpha1`, `kind: MixtureSearch` and "
    "`spec:`;\n    a corpus document has `sources:` and `concepts:`",
)


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
def command(files: tuple[Path, ...]) -> None:
    """Check MixtureSearches and corpus documents by themselves.

    What needs the corpus is checked by `plan` and `run`, what needs the sources by `corpus build`.
    """
    n_bad = 0
    for path in files:
        try:
            what = _validated(path)
        except SpecError as error:
            n_bad += 1
            click.echo(str(error), err=True)
        else:
            click.echo(f"{path}: {what} is valid")
    if n_bad:
        raise click.exceptions.Exit(CliExit.INVALID_SPEC)


def _validated(path: Path) -> str:
    """Return what a file is.

    Raises:
        SpecError: It is neither of both kinds, or not valid.
    """
    text = read_text(path, hint="Give a MixtureSearch or a corpus document as YAML.")
    document = Document(text, str(path))
    if _HEADER & document.data.keys():
        search = load_search(text, filename=str(path))
        return f"MixtureSearch {search.metadata.name}"
    # Here, because it loads what builds a corpus.
    from mixatlas.corpus import document as corpus

    if not corpus.OWN_FIELDS & document.data.keys():
        document.refuse([_NEITHER])
    corpus.read_document(text, filename=str(path))
    return "corpus document"
