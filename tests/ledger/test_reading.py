"""Records of this version, of a newer one, and damaged ones."""

from __future__ import annotations

import json

import pytest

from mixatlas.contract.errors import HistoryMismatch
from mixatlas.ledger.reading import read_record
from mixatlas.ledger.records import OutputJobRecord

URI = "s3://bucket/output/0001.json"
RECORD = OutputJobRecord(revision=1, job="train", is_created=True)


def test_a_record_is_read_back() -> None:
    assert read_record(OutputJobRecord, RECORD.to_bytes(), URI) == RECORD


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"schemaVersion": 2}, "a newer version of MixAtlas: it has schemaVersion 2"),
        ({"schemaVersion": 2, "job": None}, "it has schemaVersion 2"),
        ({"priority": "high"}, "a newer version of MixAtlas: it has the field priority"),
        ({"job": None}, f"{URI} is damaged: job: Input should be a valid string"),
        ({"schemaVersion": "x"}, "is damaged: schemaVersion: "),
    ],
)
def test_what_cannot_be_read_is_said_in_words(changes: dict[str, object], words: str) -> None:
    content = json.dumps(RECORD.to_plain() | changes).encode()
    with pytest.raises(HistoryMismatch) as raised:
        read_record(OutputJobRecord, content, URI)
    assert words in raised.value.message
    assert ("Upgrade" in raised.value.hint) == ("newer" in words or "schemaVersion 2" in words)


@pytest.mark.parametrize("content", [b"", b'{"revision": 1', b"[]"])
def test_half_a_record_is_damaged(content: bytes) -> None:
    with pytest.raises(HistoryMismatch, match=f"{URI} is damaged: "):
        read_record(OutputJobRecord, content, URI)
