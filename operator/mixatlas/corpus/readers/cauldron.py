"""Parquet as the Cauldron and FineVision have it: lists of images and of texts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import BinaryIO, ClassVar, final

import pyarrow.parquet as pq

from mixatlas.contract.errors import CorpusInvalid
from mixatlas.corpus.raw import BrokenSample, RawSample, Unit
from mixatlas.corpus.readers.arrow_rows import ARROW_ERRORS, FIELDS, Rows, reason_of, until_broken
from mixatlas.corpus.readers.images import origin_of
from mixatlas.corpus.readers.source import Source

BATCH_ROWS = 16
_BUFFER_BYTES = 2**20


@final
class CauldronReader:
    """Reads Parquet with `images`, a list of {bytes, path}, and `texts`.

    `texts` is a list of {user, assistant, source}; `source` of a text, else the column `source`,
    else the first folder of the file's name, is the origin. Tables with question and answer, or
    a caption, are read too. A unit is a row group. Memory holds a page of every column: whoever
    writes images page by row group, as many libraries do, makes it hold the row group.
    """

    fields = FIELDS
    usual: ClassVar[Mapping[str, str]] = MappingProxyType({"origin": "source"})

    def __init__(self, source: Source) -> None:
        self._source = source

    def units(self, n_parts: int) -> Sequence[Unit]:
        """As `Reader.units`. A file that is no Parquet has one unit, which says so when read."""
        names = self._source.names((".parquet",), what="Parquet")
        return [Unit(file=name, piece=piece) for name in names for piece in range(self._size(name))]

    def read(self, unit: Unit, n_parts: int) -> Iterator[RawSample | BrokenSample]:
        """As `Reader.read`."""
        with self._source.opened(unit.file) as file:
            table = _table(file, unit.file)
            rows = Rows(
                self._source, table.schema_arrow, file=unit.file, origin=origin_of(unit.file)
            )
            place, index = f"{unit.file}:{unit.piece}", 0
            if table.num_row_groups == 0:
                return
            batches = table.iter_batches(
                BATCH_ROWS, row_groups=[unit.piece], columns=rows.needed, use_threads=False
            )
            for batch in until_broken(batches):
                if isinstance(batch, str):
                    reason = f"the row group cannot be read on: {batch}"
                    yield BrokenSample(where=f"{place}:{index}", reason=reason)
                    break
                numbers = range(batch.num_rows)
                places = [f"{place}:{index + number}" for number in numbers]
                # Offsets are the library's own: Parquet has none.
                yield from rows.samples(batch, places, numbers, is_sound=True)
                index += batch.num_rows

    def _size(self, name: str) -> int:
        with self._source.opened(name) as file:
            try:
                return max(1, int(_table(file, name).num_row_groups))
            except CorpusInvalid:
                return 1


def _table(file: BinaryIO, name: str) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(file, buffer_size=_BUFFER_BYTES)
    except ARROW_ERRORS as error:
        raise CorpusInvalid(f"{name}: is not Parquet: {reason_of(error)}") from error
