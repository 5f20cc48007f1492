"""Folders that a trial names by URI and digest: its base checkpoint and its tokenizer."""

from __future__ import annotations

import shutil
from pathlib import Path

from pydantic import ValidationError

from mixatlas.contract.canonical import sha256_hex
from mixatlas.contract.errors import CorpusInvalid
from mixatlas.contract.manifest import file_list_digest
from mixatlas.contract.result import Checkpoint
from mixatlas.contract.trial import BaseRef
from mixatlas_trainer.cache import Cache
from mixatlas_trainer.checkpoint import INDEX, OPTIMIZER, TRAINING, fetch_file
from mixatlas_trainer.objects import ObjectMissing, Objects


def fetch_base(base: BaseRef, objects: Objects, cache: Cache, folder: Path) -> None:
    """Fetch a base checkpoint and verify it.

    A checkpoint of ours is identified by its `checkpoint.json`; the files that this lists come
    through the cache, because every trial of a search starts from them. Any other folder is
    identified by its canonical file list.

    Raises:
        CorpusInvalid: It is missing, or its content is not what the trial says.
    """
    uri = base.checkpoint.rstrip("/")
    folder.mkdir(parents=True, exist_ok=True)
    try:
        content = objects.read(f"{uri}/{INDEX}")
    except ObjectMissing:
        fetch_folder(uri, base.sha256, objects, folder)
        return
    if sha256_hex(content) != base.sha256:
        raise _changed(f"{uri}/{INDEX}", sha256_hex(content), base.sha256)
    try:
        index = Checkpoint.model_validate_json(content)
    except ValidationError as error:
        raise CorpusInvalid(f"{uri}/{INDEX} is not a checkpoint: {error}") from error
    for file in index.files:
        if "/" in file.path or file.path.startswith("."):
            raise CorpusInvalid(f"{uri}/{INDEX} names the file {file.path!r}")
        if file.path not in (OPTIMIZER, TRAINING):
            # A copy, not a link: the cache may be evicted while the model is being read.
            shutil.copyfile(cache.path(f"{uri}/{file.path}", file.sha256), folder / file.path)


def fetch_folder(uri: str, sha256: str | None, objects: Objects, folder: Path) -> None:
    """Fetch all files of a folder and verify the digest of their list.

    Args:
        uri: The folder.
        sha256: `contract.manifest.file_list_digest` of its files; None takes what is there.
        objects: The store.
        folder: Where to put them.

    Raises:
        CorpusInvalid: It is missing or empty, or the digest differs.
    """
    uri = uri.rstrip("/")
    names = objects.names(uri)
    if not names:
        raise CorpusInvalid(f"{uri} does not exist or is empty", hint="Restore the folder.")
    digests = {name: fetch_file(objects, uri, name, folder) for name in names}
    actual = file_list_digest(digests)
    if sha256 is not None and actual != sha256:
        raise _changed(uri, actual, sha256)


def _changed(uri: str, actual: str, expected: str) -> CorpusInvalid:
    return CorpusInvalid(
        f"{uri} has sha256 {actual}, and the trial says {expected}",
        hint="It was changed after the search was accepted: restore it.",
    )
