"""Where things stand in a YAML text: marks of keys and values by path."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import yaml

from mixatlas.contract.errors import SpecError

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """One mistake in a document.

    Args:
        path: Of the field, as the document spells it.
        message: What is wrong.
        remedy: What would be right.
        at_key: Whether the key is at fault, not its value.
    """

    path: Path
    message: str
    remedy: str = ""
    at_key: bool = False


class Document:
    """A YAML text with the places of its nodes.

    Args:
        text: One YAML document.
        filename: For messages.

    Raises:
        SpecError: The text is not one YAML mapping, or a key occurs twice.
    """

    def __init__(self, text: str, filename: str) -> None:
        self.filename = filename
        self.lines = text.splitlines()
        self.root = self._compose(text)
        self._refuse_duplicates()
        self.data = yaml.safe_load(text)

    def _compose(self, text: str) -> yaml.MappingNode:
        try:
            nodes = list(yaml.compose_all(text, Loader=yaml.SafeLoader))
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark
            line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
            hint = "Indent with spaces, not tabs." if "\\t" in str(error.problem) else ""
            raise SpecError(
                f"not YAML: {error.problem}",
                hint=hint,
                where=f"{self.filename}:{line}:{column}",
            ) from error
        if len(nodes) != 1 or nodes[0] is None:
            what = "the file is empty" if not any(nodes) else f"{len(nodes)} documents in one file"
            raise SpecError(what, hint="Give one MixtureSearch.", where=f"{self.filename}:1:1")
        if not isinstance(nodes[0], yaml.MappingNode):
            raise SpecError(
                "the document is not a mapping",
                hint="Begin with `apiVersion: mixatlas.dev/v1alpha1`.",
                where=f"{self.filename}:1:1",
            )
        return nodes[0]

    def _refuse_duplicates(self) -> None:
        mistakes: list[Mistake] = []
        _walk(self.root, (), mistakes)
        if mistakes:
            self.refuse(mistakes)

    def refuse(self, mistakes: Iterable[Mistake]) -> None:
        """Raise all mistakes, in the order of their places.

        Raises:
            SpecError: Always, when there is a mistake.
        """
        placed = sorted(
            ((self._place(m), m) for m in mistakes), key=lambda pair: (pair[0], pair[1].message)
        )
        if not placed:
            return
        blocks = [self._block(place, mistake) for place, mistake in placed]
        n = len(blocks)
        title = "1 mistake" if n == 1 else f"{n} mistakes"
        raise SpecError("\n".join([f"{self.filename}: {title}", *blocks]))

    def _block(self, place: tuple[int, int], mistake: Mistake) -> str:
        line, column = place
        path = ".".join(str(part) for part in mistake.path) or "document"
        source = self.lines[line] if line < len(self.lines) else ""
        rows = [f"{self.filename}:{line + 1}:{column + 1}: {path}: {mistake.message}"]
        rows += [f"    {source}", f"    {' ' * column}^"] if source else []
        rows += [f"    {mistake.remedy}"] if mistake.remedy else []
        return "\n".join(rows)

    def _place(self, mistake: Mistake) -> tuple[int, int]:
        """Return (line, column) from 0 of a path, or of its deepest part that exists."""
        node: yaml.Node = self.root
        mark = node.start_mark
        for depth, part in enumerate(mistake.path):
            found = _child(node, part)
            if found is None:
                break
            key, node = found
            is_last = depth == len(mistake.path) - 1
            mark = (
                key.start_mark if (is_last and mistake.at_key) or key is node else node.start_mark
            )
            if not is_last:
                mark = key.start_mark
        return mark.line, mark.column

    def where(self, path: Path) -> str:
        """Return `file:line:column` of a path."""
        line, column = self._place(Mistake(path=path, message=""))
        return f"{self.filename}:{line + 1}:{column + 1}"

    def line_of(self, path: Path) -> str:
        """Return the source line of a path, stripped."""
        line, _ = self._place(Mistake(path=path, message=""))
        return self.lines[line].strip() if line < len(self.lines) else ""


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """Return `did you mean …?` for a word near a known one, else the known ones, if few."""
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    if near:
        return f"did you mean `{near[0]}`?"
    return f"one of: {', '.join(known)}" if 0 < len(known) <= 24 else ""


def _walk(node: yaml.Node, path: Path, mistakes: list[Mistake]) -> None:
    if isinstance(node, yaml.SequenceNode):
        for index, child in enumerate(node.value):
            _walk(child, (*path, index), mistakes)
    if not isinstance(node, yaml.MappingNode):
        return
    seen: set[str] = set()
    for key, value in node.value:
        name = str(key.value)
        here = (*path, name)
        if name == "<<":
            mistakes.append(
                Mistake(
                    path=here,
                    message="merge keys are not read",
                    remedy="Write the fields out.",
                    at_key=True,
                )
            )
        elif not isinstance(key, yaml.ScalarNode) or key.tag != "tag:yaml.org,2002:str":
            mistakes.append(
                Mistake(
                    path=here,
                    message="a key must be a word",
                    remedy=f'Put it in quotes: "{name}".',
                    at_key=True,
                )
            )
        elif name in seen:
            mistakes.append(
                Mistake(
                    path=here,
                    message="the key occurs twice",
                    remedy="Remove one of the two.",
                    at_key=True,
                )
            )
        seen.add(name)
        _walk(value, here, mistakes)


def _child(node: yaml.Node, part: str | int) -> tuple[yaml.Node, yaml.Node] | None:
    """Return (key, value) of a mapping's entry, or (item, item) of a sequence's."""
    if isinstance(node, yaml.MappingNode):
        # The last of two equal keys is the one at fault.
        for key, value in reversed(node.value):
            if key.value == part:
                return key, value
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part], node.value[part]
    return None
