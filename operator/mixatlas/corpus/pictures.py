"""Where the images of labelled samples are read from."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol, final


class Pictures(Protocol):
    """Where the images of labelled samples lie."""

    def read(self, reference: str) -> bytes:
        """Return an image's bytes.

        Raises:
            OSError: It cannot be read.
        """
        ...


@final
class FolderPictures:
    """Image files below a folder; a reference is a path relative to it.

    Args:
        folder: The folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, reference: str) -> bytes:
        """As `Pictures.read`."""
        return (self._folder / reference).read_bytes()
