"""Files that are whole or not there."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import click

from mixatlas.contract.errors import SpecError


def check_place(path: Path | None) -> None:
    """Refuse a place that cannot be written to before any work is done for it.

    Args:
        path: Where a file is to go; None is no file.

    Raises:
        SpecError: It is a folder, or in one that is missing or not writable.
    """
    if path is None:
        return
    with _named(path):
        if path.is_dir():
            raise OSError(errno.EISDIR, "is a folder")
        if not path.parent.is_dir():
            raise OSError(errno.ENOENT, f"there is no folder {path.parent}")
        if not os.access(path if _is_special(path) else path.parent, os.W_OK):
            raise OSError(errno.EACCES, "may not be written")


def write_or_print(path: Path | None, text: str) -> None:
    """Write a file as `write_whole`, or to standard output where none is named."""
    if path is None:
        click.echo(text, nl=False)
    else:
        write_whole(path, text)


def write_whole(path: Path, text: str) -> None:
    """Write a file under a temporary name beside its own, then rename it.

    Of a link the file that it names is replaced. What is no file, such as a pipe or /dev/stdout,
    is written to: a rename would put a file in its place.

    Raises:
        SpecError: It cannot be written; what was there before is still there.
    """
    check_place(path)
    with _named(path):
        if _is_special(path):
            path.write_text(text, encoding="utf-8")
        else:
            _replace(path.resolve(), text)


def _replace(path: Path, text: str) -> None:
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def _is_special(path: Path) -> bool:
    return path.exists() and not path.is_file() and not path.is_dir()


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Turn what the system says into an error of ours."""
    try:
        yield
    except (OSError, RuntimeError) as error:  # RuntimeError: links that name each other
        reason = error.strerror if isinstance(error, OSError) else error
        raise SpecError(f"{path}: {reason}", hint="Name a file in a folder of yours.") from error
