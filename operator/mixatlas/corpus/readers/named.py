"""A reader that says which source of the document a sample lies in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import final

from mixatlas.contract.errors import CorpusInvalid
from mixatlas.corpus.raw import BrokenSample, RawSample, Reader, Unit


@final
class NamedReader:
    """A `Reader` whose places and refusals begin with the source's name.

    Files are named as they lie below their source, and those of two sources may have one name.

    Args:
        name: Of the source.
        reader: Of it.
    """

    def __init__(self, name: str, reader: Reader) -> None:
        self._name = name
        self._reader = reader

    def units(self, n_parts: int) -> Sequence[Unit]:
        """As `Reader.units`."""
        with self._named():
            return self._reader.units(n_parts)

    def read(self, unit: Unit, n_parts: int) -> Iterator[RawSample | BrokenSample]:
        """As `Reader.read`."""
        with self._named():
            for found in self._reader.read(unit, n_parts):
                yield replace(found, where=f"{self._name}: {found.where}")

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except CorpusInvalid as error:
            raise CorpusInvalid(f"{self._name}: {error.message}", hint=error.hint) from error
