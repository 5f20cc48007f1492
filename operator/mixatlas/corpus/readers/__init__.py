"""Readers of raw corpora: one file a format, each gives samples as its source has them.

Knows: the formats, how their columns are named, what makes a sample unusable.
Never knows: concepts, tasks and domains, tokenizers, shards; it writes nothing.
Used by: corpus.
Libraries of a format are imported by its own module alone, and that when it is asked for.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol

from mixatlas.contract.errors import CorpusInvalid, SpecError
from mixatlas.corpus.files import Files
from mixatlas.corpus.raw import Reader
from mixatlas.corpus.readers.columns import Columns
from mixatlas.corpus.readers.detect import detect
from mixatlas.corpus.readers.source import Source
from mixatlas.spec.places import did_you_mean

FORMATS: Mapping[str, str] = MappingProxyType(
    {
        "Cauldron": "cauldron:CauldronReader",
        "CocoCaptions": "coco_captions:CocoCaptionsReader",
        "CocoInstances": "coco_instances:CocoInstancesReader",
        "Folder": "folder:FolderReader",
        "Grounding": "grounding:GroundingReader",
        "HfDataset": "hf_dataset:HfDatasetReader",
        "Llava": "llava:LlavaReader",
        "WebDataset": "webdataset:WebDatasetReader",
    }
)
"""Format → module and class of its reader."""

__all__ = ["FORMATS", "detect", "fields_of", "open_reader"]


class _ReaderClass(Protocol):
    fields: tuple[str, ...]
    usual: Mapping[str, str]

    def __call__(self, source: Source) -> Reader: ...


def open_reader(
    format: str,  # noqa: A002  the document's word
    files: Files,
    images: Files,
    columns: Mapping[str, str],
) -> Reader:
    """Return the reader of a source.

    Args:
        format: One of `FORMATS`.
        files: The source's files.
        images: Where paths of images lead; `files` again where they lie beside.
        columns: Field → the source's column; nested ones with dots.

    Raises:
        CorpusInvalid: There is no such format, or it has no such field.
        SpecError: A library that the format needs is not installed.
    """
    reader = _reader_class(format)
    for field in columns:
        if field not in reader.fields:
            raise CorpusInvalid(
                f"columns.{field}: {format} has no such field",
                hint=did_you_mean(field, reader.fields),
            )
    named = Columns(named=dict(columns), usual=reader.usual)
    return reader(Source(files=files, images=images, columns=named))


def fields_of(format: str) -> tuple[str, ...]:  # noqa: A002  the document's word
    """Return the fields whose columns a document may name.

    Raises:
        CorpusInvalid: There is no such format.
    """
    return _reader_class(format).fields


def _reader_class(name: str) -> _ReaderClass:
    if name not in FORMATS:
        raise CorpusInvalid(f"there is no format {name!r}", hint=did_you_mean(name, list(FORMATS)))
    module, _, reader = FORMATS[name].partition(":")
    try:
        found: _ReaderClass = getattr(importlib.import_module(f"{__name__}.{module}"), reader)
    except ModuleNotFoundError as error:
        raise SpecError(
            f"{name} needs {error.name}, which is not installed",
            hint="pip install 'mixatlas[corpus]'",
        ) from error
    return found
