"""Large JSON files in pieces: the elements of an array, or lines, one in memory at a time.

A file is cut where its brackets and commas say so, and each piece is parsed by itself. A piece
that is no JSON (NaN, a key twice, another encoding) therefore costs itself alone, where a parser
of events would end with the file; and nothing is parsed that another part reads.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Generator, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, final

from mixatlas.contract.errors import CorpusInvalid
from mixatlas.corpus.lines import MAX_LINE_BYTES, parse_object
from mixatlas.corpus.readers.columns import Unusable

CHUNK_BYTES = 2**16
BREAKS_OFF = "the file breaks off here"
_TOO_LONG = f"longer than {MAX_LINE_BYTES:,} bytes"
_BLANK = b" \t\r\n"
_BOM = b"\xef\xbb\xbf"
_NO_TEXT = (
    (b"\xff\xfe", "is UTF-16", "Write it as UTF-8."),
    (b"\xfe\xff", "is UTF-16", "Write it as UTF-8."),
    (b"\x1f\x8b", "is packed by gzip", "Unpack it."),
    (b"PK\x03\x04", "is a ZIP archive", "Unpack it."),
    (b"version https://git-lfs", "is a pointer of Git LFS", "Fetch the file itself."),
)
# A bracket; a whole string; or the start of one that goes on in the next chunk. A string ends
# with its line: JSON has no newline inside, so a quote that was forgotten costs one piece.
_OUTSIDE = re.compile(rb'[\[\]{}]|"(?:[^"\\\n]+|\\.)*+["\n]|"')
_INSIDE = re.compile(rb'["\n]|\\.|\\\Z', re.DOTALL)
_END_OF_SCALAR = re.compile(rb"[\s,\]}]")
_NO_BLANK = re.compile(rb"[^ \t\r\n]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A piece of a file.

    Args:
        where: Its place, `a.json[17]`, `a.json:annotations[17]` or `a.jsonl:18`.
        index: Its number, from 0.
        key: Of the array that it is from, where the file is an object.
        content: Its bytes, if it could be cut out.
        fault: Why not, else.
        is_last: Whether nothing after it can be read.
    """

    where: str
    index: int
    key: str = ""
    content: bytes = b""
    fault: str | None = None
    is_last: bool = False

    def parse(self) -> dict[str, Any]:
        """Parse the piece.

        Raises:
            Unusable: It is no JSON object.
        """
        if self.fault is not None:
            raise Unusable(self.fault)
        try:
            return parse_object(self.content)
        except ValueError as error:
            raise Unusable(str(error)) from error


def pieces(file: BinaryIO, name: str) -> Iterator[Piece]:
    """Yield the elements of an array, or the lines of a JSON-lines file.

    A file that breaks off ends with a piece that says so.

    Raises:
        CorpusInvalid: The file is neither.
    """
    first = _start(file, name)
    if first == b"[":
        yield from _array(Cursor(file), name)
    elif first == b"{":
        yield from _lines(file, name)
    else:
        raise CorpusInvalid(
            f"{name}: is neither a JSON array nor JSON lines", hint="It must begin with [ or {."
        )


def members(file: BinaryIO, name: str, keys: Collection[str]) -> Iterator[Piece]:
    """Yield the elements of the arrays that a JSON object has under some keys, in its order.

    What it has under other keys is passed over. A file that breaks off ends with a piece that
    says so.

    Raises:
        CorpusInvalid: The file is no JSON object, or has something else than one array there.
    """
    if _start(file, name) != b"{":
        raise CorpusInvalid(f"{name}: is not a JSON object", hint="It must begin with {.")
    cursor = Cursor(file)
    cursor.skip()
    try:
        fault = yield from _members(cursor, name, {f'"{key}"'.encode(): key for key in keys})
    except EOFError:
        fault = BREAKS_OFF
    if fault is not None:
        yield Piece(where=name, index=0, fault=fault, is_last=True)


def _members(
    cursor: Cursor, name: str, wanted: dict[bytes, str]
) -> Generator[Piece, None, str | None]:
    """Yield as `members`, after its bracket; return what is wrong and not yet told."""
    separator = b"," if cursor.peek() != b"}" else cursor.skip()
    while separator == b"," and cursor.peek() == b'"':
        quoted = cursor.value()
        if cursor.skip() != b":":
            return "broken here: a key without a value"
        if quoted is None or quoted not in wanted:
            cursor.value()
        elif not (yield from _elements(cursor, name, _open(cursor, name, wanted, quoted))):
            return None
        separator = cursor.skip()
    if separator == b"}":
        return "something follows the end of the object" if cursor.peek() else None
    return "broken here: no key where one must be" if cursor.peek() else BREAKS_OFF


def _open(cursor: Cursor, name: str, wanted: dict[bytes, str], quoted: bytes) -> str:
    """Go into the array of a key, and return the key, which may not come again."""
    key = wanted[quoted]
    if not key:
        raise CorpusInvalid(f"{name}: the key {quoted.decode()} occurs twice")
    wanted[quoted] = ""
    if cursor.skip() != b"[":
        raise CorpusInvalid(f"{name}: {quoted.decode()} is not an array")
    return key


@final
class Cursor:
    """A place in a JSON file. Memory holds one chunk and the value that is cut out.

    Args:
        file: At the start of its text.
    """

    chunk_bytes = CHUNK_BYTES

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._chunk = b""
        self._at = 0

    def peek(self) -> bytes:
        """Return the next byte that is no blank, and stay before it; nothing at the end."""
        while not (found := _NO_BLANK.search(self._chunk, self._at)):
            if not self._fill():
                return b""
        self._at = found.start()
        return found[0]

    def skip(self) -> bytes:
        """Return the next byte that is no blank, and go past it."""
        found = self.peek()
        self._at += len(found)
        return found

    def value(self) -> bytes | None:
        """Return the next value's bytes and go past it; None where it is too long.

        Raises:
            EOFError: The file ends inside it.
        """
        first = self.peek()
        kept = _Kept()
        if first in (b"[", b"{", b'"'):
            self._balanced(kept)
        else:
            self._scalar(kept)
        return kept.content()

    def _scalar(self, kept: _Kept) -> None:
        while not (end := _END_OF_SCALAR.search(self._chunk, self._at)):
            kept.add(self._chunk[self._at :])
            if not self._fill():
                raise EOFError
        kept.add(self._chunk[self._at : end.start()])
        self._at = end.start()

    def _balanced(self, kept: _Kept) -> None:
        depth, is_inside = 0, False
        start = at = self._at
        while True:
            while match := (_INSIDE if is_inside else _OUTSIDE).search(self._chunk, at):
                at, token = match.end(), match[0]
                if token == b"\\":  # what it escapes is in the next chunk
                    break
                if is_inside:
                    is_inside = token.startswith(b"\\")
                elif token in b"[{":
                    depth += 1
                elif token in b"]}":
                    depth -= 1
                else:
                    is_inside = token == b'"'
                if depth <= 0 and not is_inside:
                    kept.add(self._chunk[start:at])
                    self._at = at
                    return
            is_escape = match is not None
            kept.add(self._chunk[start:])
            if not self._fill():
                raise EOFError
            start, at = 0, int(is_escape)

    def _fill(self) -> bool:
        self._chunk = self._file.read(self.chunk_bytes)
        self._at = 0
        return bool(self._chunk)


@final
class _Kept:
    """The bytes of a value, until they are too many."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0

    def add(self, part: bytes) -> None:
        self._size += len(part)
        if self._size > MAX_LINE_BYTES:
            self._parts.clear()
        else:
            self._parts.append(part)

    def content(self) -> bytes | None:
        return None if self._size > MAX_LINE_BYTES else b"".join(self._parts)


def _start(file: BinaryIO, name: str) -> bytes:
    """Return the first byte of the text, and stand before it, at the start of its line."""
    head = file.read(CHUNK_BYTES)
    for magic, what, hint in _NO_TEXT:
        if head.startswith(magic):
            raise CorpusInvalid(f"{name}: {what}", hint=hint)
    start = len(_BOM) if head.startswith(_BOM) else 0
    text = head[start:].lstrip(_BLANK)
    if not text:
        raise CorpusInvalid(f"{name}: is empty", hint="Give a JSON array or JSON lines.")
    file.seek(start)
    return text[:1]


def _array(cursor: Cursor, name: str) -> Iterator[Piece]:
    cursor.skip()
    is_whole = yield from _elements(cursor, name, "")
    if is_whole and cursor.peek():
        fault = "something follows the end of the array"
        yield Piece(where=name, index=0, fault=fault, is_last=True)


def _elements(cursor: Cursor, name: str, key: str) -> Generator[Piece, None, bool]:
    """Yield the elements of an array whose bracket has been read; return whether it ends."""
    index = 0
    place = f"{name}:{key}" if key else name
    separator = b"," if cursor.peek() != b"]" else cursor.skip()
    while separator == b",":
        where = f"{place}[{index}]"
        try:
            content = cursor.value()
        except EOFError:
            yield Piece(where=where, index=index, key=key, fault=BREAKS_OFF, is_last=True)
            return False
        fault = _TOO_LONG if content is None else None
        yield Piece(where=where, index=index, key=key, content=content or b"", fault=fault)
        index += 1
        separator = cursor.skip()
    if separator == b"]":
        return True
    found = repr(separator.decode("latin-1"))
    fault = f"broken here: {found} where a comma or ] must be" if separator else BREAKS_OFF
    where = f"{place}[{index}]"
    yield Piece(where=where, index=index, key=key, fault=fault, is_last=True)
    return False


def _lines(file: BinaryIO, name: str) -> Iterator[Piece]:
    index = 0
    while line := file.readline(MAX_LINE_BYTES + 1):
        where = f"{name}:{index + 1}"
        if index == 0 and line.strip() == b"{":
            raise CorpusInvalid(
                f"{name}: is one JSON object", hint="Give a JSON array, or one object a line."
            )
        if len(line) > MAX_LINE_BYTES:
            yield Piece(where=where, index=index, fault=_TOO_LONG)
            while line and not line.endswith(b"\n"):
                line = file.readline(MAX_LINE_BYTES)
        elif line.strip():
            yield _line(line, where, index)
        index += 1


def _line(line: bytes, where: str, index: int) -> Piece:
    if not line.endswith(b"\n") and not line.rstrip().endswith(b"}"):
        return Piece(where=where, index=index, fault=BREAKS_OFF, is_last=True)
    return Piece(where=where, index=index, content=line)
