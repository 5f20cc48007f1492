"""Files that are whole or not there."""

from __future__ import annotations

from pathlib import Path

from mixatlas.contract.errors import SpecError


def write_whole(path: Path, text: str) -> None:
    """Write a file under a temporary name beside its own, then rename it.

    Raises:
        SpecError: It cannot be written.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise SpecError(
            f"{path}: {error.strerror}", hint="Name a file in a folder of yours."
        ) from error
