"""A dataset that the datasets library has saved to disk: Arrow streams, without the library."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import BinaryIO, ClassVar, final

import pyarrow as pa

from mixatlas.contract.errors import CorpusInvalid
from mixatlas.corpus.files import FileMissing
from mixatlas.corpus.raw import BrokenSample, RawSample, Unit
from mixatlas.corpus.readers.arrow_rows import (
    ARROW_ERRORS,
    FIELDS,
    Rows,
    is_sound,
    reason_of,
    until_broken,
)
from mixatlas.corpus.readers.source import Source, strided_units

STATE = "state.json"
_END = b"\xff\xff\xff\xff\0\0\0\0"


@final
class HfDatasetReader:
    """Reads what `Dataset.save_to_disk` writes: `state.json` and the Arrow streams it names.

    Columns are as in Parquet; an image is {bytes, path}, a class its name. One split is read: a
    folder with several is refused, since some are there to test. Memory holds one record batch,
    which for images the library makes of a hundred rows.
    """

    fields = FIELDS
    usual: ClassVar[Mapping[str, str]] = MappingProxyType({"origin": "source"})

    def __init__(self, source: Source) -> None:
        self._source = source

    def units(self, n_parts: int) -> Sequence[Unit]:
        """As `Reader.units`."""
        names = [info.name for info in self._source.files.list()]
        states = [name for name in names if PurePosixPath(name).name == STATE]
        if not states:
            raise CorpusInvalid(f"there is no {STATE}", hint="Give a folder of save_to_disk.")
        if len(states) > 1:
            splits = ", ".join(str(PurePosixPath(state).parent) for state in states)
            raise CorpusInvalid(
                f"there are several splits: {splits}", hint="Name the folder of one of them."
            )
        return strided_units(self._streams(states[0]), n_parts)

    def read(self, unit: Unit, n_parts: int) -> Iterator[RawSample | BrokenSample]:
        """As `Reader.read`."""
        with self._source.opened(unit.file) as file:
            is_whole = _has_end(file)
            stream = _stream(file, unit.file)
            rows = Rows(self._source, stream.schema, file=unit.file, origin="")
            index, fault = 0, None if is_whole else "the file breaks off here"
            for batch in until_broken(stream):
                if isinstance(batch, str):
                    fault = f"the file cannot be read on: {batch}"
                    break
                numbers = range(batch.num_rows)
                mine = [row for row in numbers if (index + row) % n_parts == unit.piece]
                places = [f"{unit.file}[{index + row}]" for row in mine]
                needed = batch.select(rows.needed)
                yield from rows.samples(needed, places, mine, is_sound=is_sound(needed))
                index += batch.num_rows
            if fault is not None and index % n_parts == unit.piece:
                yield BrokenSample(where=f"{unit.file}[{index}]", reason=fault)

    def _streams(self, state: str) -> Sequence[str]:
        """Return the names of the streams: a folder may also hold those of other computations."""
        folder = PurePosixPath(state).parent
        try:
            told = json.loads(self._source.files.read(state))
            names = [str(folder / entry["filename"]) for entry in told["_data_files"]]
        except (FileMissing, ValueError, KeyError, TypeError, RecursionError) as error:
            raise CorpusInvalid(
                f"{state}: names no data files", hint="Give a folder of save_to_disk."
            ) from error
        return names


def _has_end(file: BinaryIO) -> bool:
    size = file.seek(0, io.SEEK_END)
    file.seek(max(0, size - len(_END)))
    is_whole = file.read(len(_END)) == _END
    file.seek(0)
    return is_whole


def _stream(file: BinaryIO, name: str) -> pa.RecordBatchStreamReader:
    try:
        return pa.ipc.open_stream(file)
    except ARROW_ERRORS as error:
        raise CorpusInvalid(f"{name}: is not an Arrow stream: {reason_of(error)}") from error
