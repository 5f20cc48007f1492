"""Opening what a command's arguments name: a path, or `s3://…`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mixatlas.adapters.s3 import S3Store, settings_from
from mixatlas.cli.documents import read_document
from mixatlas.contract.errors import SpecError
from mixatlas.corpus.files import Files, LocalFiles, StoreFiles
from mixatlas.local.place import open_store
from mixatlas.local.state import StateFolder


def is_stored(place: str) -> bool:
    """Tell whether a place lies in a store."""
    return place.startswith("s3://")


def environment_store() -> S3Store:
    """Return the store that the environment names.

    Raises:
        SpecError: It names none.
    """
    return S3Store(settings_from(os.environ, None, "us-east-1"))


@contextmanager
def open_uri(uri: str, file: Path | None) -> Iterator[S3Store | None]:
    """Open the store of a URI: that of a search, or the one that the environment names."""
    if not is_stored(uri):
        yield None
    elif file is not None:
        search = read_document(file)
        with open_store(search, StateFolder.of(file, search.metadata.name, None)) as (store, _):
            yield store
    else:
        yield environment_store()


def open_place(place: str) -> Files:
    """Return the files of a place.

    Raises:
        SpecError: It is a path, and there is nothing.
    """
    return files_of(place, environment_store() if is_stored(place) else None)


def files_of(place: str, store: S3Store | None) -> Files:
    """Return the files of a place, which must be there."""
    if store is not None and is_stored(place):
        return StoreFiles(place, store)
    if not Path(place).exists():
        raise SpecError(f"{place}: No such file or directory", hint="Give a file or a folder.")
    return LocalFiles(Path(place))
