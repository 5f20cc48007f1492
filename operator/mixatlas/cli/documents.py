"""Reading documents that the user names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from mixatlas.contract.errors import SpecError
from mixatlas.spec.load import load_search
from mixatlas.spec.model import MixtureSearch
from mixatlas.spec.places import Document

F = TypeVar("F", bound=Callable[..., Any])


def read_document(path: Path) -> MixtureSearch:
    """Read one document from a file.

    Raises:
        SpecError: The file cannot be read, or the document is not valid.
    """
    text = read_text(path, hint="Give a MixtureSearch as YAML.")
    return load_search(text, filename=str(path))


def read_text(path: Path, *, hint: str) -> str:
    """Read a document's text.

    Raises:
        SpecError: The file cannot be read, or is not UTF-8; it has the hint.
    """
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(f"{path}: {error}", hint=hint) from error


@contextmanager
def places_in(path: Path) -> Iterator[None]:
    """Show mistakes that only the corpus could tell at their places in the file.

    Raises:
        SpecError: As raised inside, with file, line and column of each field.
    """
    try:
        yield
    except SpecError as error:
        if not error.mistakes:
            raise
        text = path.read_text(encoding="utf-8")
        raise type(error)(Document(text, str(path)).describe(error.mistakes)) from error


def file_option(function: F) -> F:
    """Add `-f FILE`."""
    return click.option(
        "-f",
        "--file",
        "file",
        type=click.Path(path_type=Path),
        default=Path("search.yaml"),
        show_default=True,
        help="The MixtureSearch document.",
    )(function)


def dir_option(function: F) -> F:
    """Add `-d DIR`."""
    return click.option(
        "-d",
        "--dir",
        "folder",
        type=click.Path(path_type=Path),
        default=None,
        help="State folder [default: .mixatlas/NAME beside the document].",
    )(function)


def output_option(*choices: str) -> Callable[[F], F]:
    """Add `-o FORMAT`."""

    def add(function: F) -> F:
        return click.option(
            "-o",
            "--output",
            type=click.Choice(choices),
            default=choices[0],
            show_default=True,
            help="Form of the output.",
        )(function)

    return add
