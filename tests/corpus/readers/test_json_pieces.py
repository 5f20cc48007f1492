"""JSON in pieces: what is cut out is what a parser of the whole file finds, and damage is local."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixatlas.corpus.readers import json_pieces
from mixatlas.corpus.readers.columns import Unusable
from mixatlas.corpus.readers.json_pieces import BREAKS_OFF, Piece, members, pieces

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
OBJECTS = st.dictionaries(st.text(), VALUES, max_size=4)
INDENTS = st.sampled_from([None, 0, 2])


def cut(content: bytes, *, chunk: int = 7) -> list[Piece]:
    """Return the pieces, read in chunks so small that every token is split somewhere."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_pieces.Cursor, "chunk_bytes", chunk)
        return list(pieces(io.BytesIO(content), "a.json"))


def parsed(found: list[Piece]) -> list[Any]:
    values: list[Any] = []
    for piece in found:
        try:
            values.append(piece.parse())
        except Unusable as error:
            values.append(str(error))
    return values


@settings(deadline=None)
@given(st.lists(OBJECTS, max_size=5), INDENTS, st.booleans(), st.integers(1, 9))
def test_an_array_is_cut_into_its_elements(
    objects: list[dict[str, Any]], indent: int | None, is_ascii: bool, chunk: int
) -> None:
    content = json.dumps(objects, indent=indent, ensure_ascii=is_ascii)
    found = cut(content.encode("utf-8", "surrogatepass"), chunk=chunk)
    assert [piece.where for piece in found] == [f"a.json[{i}]" for i in range(len(objects))]
    assert parsed(found) == objects


@settings(deadline=None)
@given(st.lists(OBJECTS, min_size=1, max_size=5))
def test_lines_are_cut_into_objects(objects: list[dict[str, Any]]) -> None:
    content = "".join(json.dumps(entry) + "\n" for entry in objects)
    found = cut(content.encode())
    assert [piece.where for piece in found] == [f"a.json:{i + 1}" for i in range(len(objects))]
    assert parsed(found) == objects


@settings(deadline=None)
@given(st.lists(OBJECTS, max_size=3), VALUES, st.lists(OBJECTS, max_size=3), INDENTS)
def test_an_object_gives_the_elements_of_the_arrays_that_are_asked_for(
    first: list[dict[str, Any]], other: object, second: list[dict[str, Any]], indent: int | None
) -> None:
    whole = {"b": second, "info": other, "a": first}
    found = list(members(io.BytesIO(json.dumps(whole, indent=indent).encode()), "c", ["a", "b"]))
    assert parsed([piece for piece in found if piece.key == "a"]) == first
    assert parsed([piece for piece in found if piece.key == "b"]) == second
    assert len(found) == len(first) + len(second)


@settings(deadline=None)
@given(st.lists(OBJECTS.filter(bool), min_size=1, max_size=4), st.data())
def test_what_stands_before_a_break_is_read_and_the_break_is_told_once(
    objects: list[dict[str, Any]], data: st.DataObject
) -> None:
    content = json.dumps(objects).encode()
    end = data.draw(st.integers(1, len(content) - 1))
    found = cut(content[:end])
    assert [piece.fault for piece in found if piece.is_last] == [BREAKS_OFF]
    assert parsed(found[:-1]) == objects[: len(found) - 1]
    n_whole = sum(len(json.dumps(objects[: i + 1])) - 1 <= end for i in range(len(objects)))
    assert len(found) - 1 == n_whole


GOOD = b'{"a": 1}'


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b'{"a": NaN}', "NaN is not a number"),
        (b'{"a": 1, "a": 2}', "the key 'a' occurs twice"),
        (b'{"a": "\xff"}', "not UTF-8 at byte 7"),
        (b"[" * 5000 + b"]" * 5000, "nested too deeply"),
        (b'{"a": 1e}', "not JSON"),
        (b'{"a": ' + b"9" * 5000 + b"}", "not JSON: Exceeds the limit"),
        (b"7", "not a JSON object"),
        (b"", "not JSON: Expecting value"),
        (b'{"a": "no end\n}', "not JSON: Invalid control character"),
    ],
    ids=lambda value: repr(value)[:24],
)
def test_damage_costs_one_piece(bad: bytes, reason: str) -> None:
    found = cut(b"[" + GOOD + b"," + bad + b"," + GOOD + b"]", chunk=4096)
    first, second, third = parsed(found)
    assert first == third == {"a": 1}
    assert reason in second


def test_a_piece_too_long_is_passed_over_without_being_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(json_pieces, "MAX_LINE_BYTES", 100)
    long = b'{"a": "' + b"x" * 1000 + b'"}'
    for content in (b"[%b, %b, %b]" % (GOOD, long, GOOD), b"%b\n%b\n%b\n" % (GOOD, long, GOOD)):
        first, second, third = parsed(cut(content))
        assert first == third == {"a": 1}
        assert "longer than" in second


@pytest.mark.parametrize(
    ("tail", "fault"),
    [
        (b"", BREAKS_OFF),
        (b",", BREAKS_OFF),
        (b"}", "broken here: '}' where a comma or ] must be"),
        (b'{"b": 2}]', "broken here: '{' where a comma or ] must be"),
        (b'] [{"b": 2}]', "something follows the end of the array"),
    ],
)
def test_an_array_that_does_not_end_is_told(tail: bytes, fault: str) -> None:
    *others, last = cut(b"[" + GOOD + tail)
    assert parsed(others) == [{"a": 1}]
    assert (last.fault, last.is_last) == (fault, True)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b'{"info": "x', BREAKS_OFF),
        (b'{"a": [{}', BREAKS_OFF),
        (b'{"a": [{}],', BREAKS_OFF),
        (b'{"a": [{}]', BREAKS_OFF),
        (b'{"a" 5', "broken here: a key without a value"),
        (b'{"a": [{}], 5', "broken here: no key where one must be"),
        (b'{"a": [{}]}{', "something follows the end of the object"),
    ],
)
def test_an_object_that_breaks_off_says_so_once(content: bytes, fault: str) -> None:
    found = list(members(io.BytesIO(content), "c", ["a"]))
    faults = [piece.fault or "" for piece in found if piece.is_last]
    assert len(faults) == 1
    assert faults[0].startswith(fault)


def test_an_object_may_be_empty() -> None:
    assert list(members(io.BytesIO(b"{}"), "c", ["a"])) == []


def test_a_mark_of_byte_order_is_no_part_of_the_text() -> None:
    assert parsed(cut(b"\xef\xbb\xbf[" + GOOD + b"]")) == [{"a": 1}]
    assert parsed(cut(b"\xef\xbb\xbf" + GOOD + b"\n")) == [{"a": 1}]


def test_the_first_piece_comes_before_the_rest_is_read() -> None:
    class Poisoned(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            assert self.tell() < 3 * json_pieces.CHUNK_BYTES, "read too far"
            return super().read(size)

    file = Poisoned(b"[" + b", ".join([GOOD] * 100_000) + b"]")
    assert next(pieces(file, "a.json")).parse() == {"a": 1}
