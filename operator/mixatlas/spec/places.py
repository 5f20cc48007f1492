"""Where things stand in a YAML text, and mistakes shown at their places."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from mixatlas.contract.errors import SpecError
from mixatlas.spec.reading import MERGE_TAG, TEXT_TAG, Reader, Refusal

Path = tuple[str | int, ...]

_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_WIDEST, _WIDEST_REMEDY = 76, 100
_NOT_CLOSED = (
    ("unexpected end of stream", "these quotes are not closed", "close them"),
    ("expected ',' or", "this bracket is not closed", "close it, or add the comma that is missing"),
)
"""What PyYAML says of something whose beginning is the place to look at; then in our words."""
_SYNTAX = (
    (r"'\t'", "a tab", "indent with spaces"),
    ("cannot start any token", "text begins with a reserved character", "put the text in quotes"),
    ("mapping values are not allowed", "a second `:` in one line", "put text with `:` in quotes"),
    ("could not find expected ':'", "a key without `:`", "write `key: value`"),
    ("expected <block end>", "the indentation does not fit", "align it with the lines above"),
)
"""What PyYAML says, in our words, with the remedy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """One mistake in a document.

    Args:
        path: Of the field, as the document spells it; () is the whole document.
        message: What is wrong.
        remedy: What would be right. May be empty.
        at_key: Whether the key is at fault, not its value.
    """

    path: Path
    message: str
    remedy: str = ""
    at_key: bool = False


class Document:
    """One YAML mapping with the places of its nodes.

    Args:
        text: Of the file.
        filename: For messages.

    Attributes:
        data: Dicts with string keys, lists, and scalars.

    Raises:
        SpecError: The text is not one YAML mapping, a key occurs twice, or a value is of a kind
            that is not read.
    """

    def __init__(self, text: str, filename: str) -> None:
        self.filename = filename
        self._text = text = text.removeprefix("\ufeff")
        self.lines = _LINE_BREAK.split(text)
        self._strays: list[Mistake] = []
        try:
            reader = Reader(text)
            self.root = self._only_mapping(reader)
            self.data: dict[str, Any] = self._value(self.root, (), reader)
        except yaml.reader.ReaderError as error:
            before = _LINE_BREAK.split(text[: error.position])
            problem = f"the character {chr(error.character)!r} is not allowed"
            raise self._refusal((len(before) - 1, len(before[-1])), problem, "remove it") from error
        except yaml.MarkedYAMLError as error:
            mark, message, remedy = _explain(error)
            place = (mark.line, mark.column) if mark else (0, 0)
            raise self._refusal(place, message, remedy) from error
        self.refuse(self._strays)

    def _only_mapping(self, reader: Reader) -> yaml.MappingNode:
        nodes: list[yaml.Node] = []
        while reader.check_node():
            node = reader.get_node()
            is_empty = isinstance(node, yaml.ScalarNode) and node.value == ""
            if node is not None and not is_empty:
                nodes.append(node)
        if not nodes:
            raise self._refusal((0, 0), "the file is empty", "give one document")
        if len(nodes) > 1:
            mark = nodes[1].start_mark
            what = f"{len(nodes)} documents in one file"
            raise self._refusal((mark.line, mark.column), what, "give each a file of its own")
        if not isinstance(nodes[0], yaml.MappingNode):
            what = "the document is not a mapping"
            raise self._refusal((0, 0), what, "write `key: value` lines")
        return nodes[0]

    def _value(self, node: yaml.Node, path: Path, reader: Reader) -> Any:
        """Return a node's value, and note what must not be there."""
        if isinstance(node, yaml.SequenceNode):
            return [self._value(item, (*path, i), reader) for i, item in enumerate(node.value)]
        if isinstance(node, yaml.MappingNode):
            values: dict[str, Any] = {}
            for key, child in node.value:
                name = _written(key)
                here = (*path, name)
                self._strays += _stray_key(key, here, is_repeated=name in values)
                values[name] = self._value(child, here, reader)
            return values
        try:
            return reader.value_of(node)
        except ValueError:
            message = f"`{self._source(node)}` is no number or text that can be read"
            self._strays.append(Mistake(path=path, message=message))
            return None

    def refuse(self, mistakes: Iterable[Mistake], error: type[SpecError] = SpecError) -> None:
        """Raise all mistakes, in the order of their places. Without any, do nothing.

        Args:
            mistakes: In any order.
            error: What to raise.

        Raises:
            SpecError: There is a mistake.
        """
        listed = list(mistakes)
        if listed:
            raise error(self.describe(listed))

    def describe(self, mistakes: Iterable[Mistake]) -> str:
        """Return mistakes in the order of their places, each with its line and remedy."""
        placed = sorted(
            ((self._place(m), m) for m in mistakes), key=lambda pair: (pair[0], pair[1].message)
        )
        blocks = [
            self._block(place, mistake.path, mistake.message, mistake.remedy)
            for place, mistake in placed
        ]
        if len(blocks) > 1:
            blocks.insert(0, f"{self.filename}: {len(blocks)} mistakes")
        return "\n".join(blocks)

    def _refusal(self, place: tuple[int, int], message: str, remedy: str) -> SpecError:
        return SpecError(self._block(place, (), message, remedy))

    def _block(self, place: tuple[int, int], path: Path, message: str, remedy: str) -> str:
        line, column = place
        field = f"{'.'.join(str(part) for part in path)}: " if path else ""
        rows = [f"{self.filename}:{line + 1}:{column + 1}: {field}{message}"]
        source = self.lines[line] if line < len(self.lines) else ""
        if source.strip():
            start = max(0, min(column - _WIDEST // 2, len(source) - _WIDEST))
            shown = source[start : start + _WIDEST].rstrip()
            shown = "".join(c if c.isprintable() or c == "\t" else "\ufffd" for c in shown)
            # Tabs stay, so that the caret stands under its character.
            margin = "".join("\t" if c == "\t" else " " for c in source[start:column])
            rows += [f"    {shown}", f"    {margin}^"]
        return "\n".join([*rows, f"    {remedy}"] if remedy else rows)

    def _place(self, mistake: Mistake) -> tuple[int, int]:
        """Return (line, column) from 0 of a path, or of its deepest part that exists."""
        node: yaml.Node = self.root
        mark = node.start_mark
        for depth, part in enumerate(mistake.path, start=1):
            found = _child(node, part)
            if found is None:
                break
            key, node = found
            wants_value = depth == len(mistake.path) and not mistake.at_key
            mark = node.start_mark if wants_value and _is_written(node) else key.start_mark
        return mark.line, mark.column

    def written(self, path: Path) -> str:
        """Return a scalar as the file writes it, quotes included; text of several lines folded."""
        node = self._node(path)
        return self._source(node) if isinstance(node, yaml.ScalarNode) else ""

    def _source(self, node: yaml.Node) -> str:
        return short(" ".join(self._text[node.start_mark.index : node.end_mark.index].split()))

    def quoted_line(self, path: Path, others: Iterable[Path]) -> str:
        """Return the line of a scalar with quotes around it and around the others that it holds.

        Lines too wide to show are cut down to the field itself.
        """
        line, _ = self._place(Mistake(path=path, message=""))
        marks = {
            (node.start_mark.column, node.end_mark.column)
            for node in map(self._node, [path, *others])
            if node is not None and node.start_mark.line == line
        }
        text = self.lines[line]
        for start, end in sorted(marks, reverse=True):
            text = f'{text[:start]}"{text[start:end]}"{text[end:]}'
        if len(text.strip()) <= _WIDEST_REMEDY:
            return text.strip()
        return f'{path[-1]}: "{self.written(path)}"'

    def where(self, path: Path) -> str:
        """Return `file:line:column` of a path."""
        line, column = self._place(Mistake(path=path, message=""))
        return f"{self.filename}:{line + 1}:{column + 1}"

    def _node(self, path: Path) -> yaml.Node | None:
        node: yaml.Node = self.root
        for part in path:
            found = _child(node, part)
            if found is None:
                return None
            node = found[1]
        return node


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """Return `did you mean …?` for a word near a known one, else the known ones, if few."""
    lower = {name.lower(): name for name in known}
    near = difflib.get_close_matches(word.lower(), lower, n=1, cutoff=0.6)
    if near:
        return f"did you mean `{lower[near[0]]}`?"
    return f"one of: {', '.join(known)}" if 0 < len(known) <= 24 else ""


def short(text: str) -> str:
    """Return a text cut down to 40 characters."""
    return text if len(text) <= 40 else f"{text[:37]}…"


def _stray_key(key: yaml.Node, path: Path, *, is_repeated: bool) -> list[Mistake]:
    if key.tag == MERGE_TAG:
        message, remedy = "merge keys are not read", "write the fields out"
    elif key.tag != TEXT_TAG:
        is_scalar = isinstance(key, yaml.ScalarNode)
        message = "a key must be text"
        remedy = f'put it in quotes: "{path[-1]}"' if is_scalar else "write `key: value`"
    elif is_repeated:
        message, remedy = "the key occurs twice", "remove one of the two"
    else:
        return []
    return [Mistake(path=path, message=message, remedy=remedy, at_key=True)]


def _explain(error: yaml.MarkedYAMLError) -> tuple[yaml.Mark | None, str, str]:
    """Return where a syntax error is, what is wrong, and the remedy."""
    problem = error.problem or "it cannot be read"
    if isinstance(error, Refusal):
        return error.problem_mark, problem, error.note or ""
    for words, what, remedy in _NOT_CLOSED:
        if words in problem and error.context_mark is not None:
            return error.context_mark, f"not YAML: {what}", remedy
    for words, what, remedy in _SYNTAX:
        if words in problem:
            return error.problem_mark, f"not YAML: {what}", remedy
    return error.problem_mark, f"not YAML: {problem}", ""


def _written(node: yaml.Node) -> str:
    return node.value if isinstance(node, yaml.ScalarNode) else "?"


def _is_written(node: yaml.Node) -> bool:
    """Tell whether a node has a text of its own; `key:` with nothing has none."""
    return not isinstance(node, yaml.ScalarNode) or node.start_mark.index < node.end_mark.index


def _child(node: yaml.Node, part: str | int) -> tuple[yaml.Node, yaml.Node] | None:
    """Return (key, value) of a mapping's entry, or (item, item) of a sequence's."""
    if isinstance(node, yaml.MappingNode):
        # The last of two equal keys is the one at fault.
        for key, value in reversed(node.value):
            if _written(key) == part:
                return key, value
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part], node.value[part]
    return None
