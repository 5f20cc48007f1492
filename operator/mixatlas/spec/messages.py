"""pydantic's findings in words for people who have never heard of pydantic."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from mixatlas.spec.names import RULES
from mixatlas.spec.places import Document, Mistake, Path, did_you_mean
from mixatlas.spec.schema import Schema, field_at, fields, is_decimal

_HEADER = (("apiVersion",), ("kind",))
_KEY = "[key]"
"""What pydantic ends the path of a mapping's key with, where the key itself is wrong."""
NOT_A_CHOICE = "not_a_choice"
"""Type of the errors of our validators for a word that is none of a field's.

`meant` in their context is the one to write instead, if it is known.
"""


def mistakes_of(document: Document, error: ValidationError, schema: Schema) -> list[Mistake]:
    """Return what pydantic found, each field once.

    A document of another kind is told that alone: its other fields are not ours.

    Args:
        document: That was not valid.
        error: What pydantic said of it.
        schema: What it should have been, by `schema_of`.
    """
    found = {details["loc"]: details for details in reversed(error.errors())}
    header = {path: found[path] for path in _HEADER if path in found}
    unquoted = [
        path for path, details in found.items() if _is_unquoted_decimal(path, details, schema)
    ]
    mistakes = []
    for path, details in (header or found).items():
        if path in unquoted:
            remedy = f"write: {document.quoted_line(path, unquoted)}"
            mistake = Mistake(path=path, message="a decimal must be in quotes", remedy=remedy)
        else:
            mistake = _translate(document, path, details, schema)
        if not _is_counted_wrongly(details):
            mistakes.append(mistake)
    return mistakes


def _is_counted_wrongly(details: ErrorDetails) -> bool:
    """Tell whether a list is called too short because pydantic left its bad entries out."""
    is_short = details["type"] == "too_short"
    return is_short and len(details["input"]) >= details["ctx"]["min_length"]


def _is_unquoted_decimal(path: Path, details: ErrorDetails, schema: Schema) -> bool:
    is_number = isinstance(details["input"], int | float) and details["input"] is not True
    return details["type"] == "string_type" and is_number and is_decimal(path, schema)


def _translate(document: Document, path: Path, details: ErrorDetails, schema: Schema) -> Mistake:
    finding = _Finding(document, path, details, schema)
    translate = _TRANSLATIONS.get(details["type"])
    if translate is not None:
        return translate(finding)
    words = details["msg"]
    if details["type"] == "value_error":  # ours, which may begin with a name
        return finding.mistake(words.removeprefix("Value error, "), finding.got)
    return finding.mistake(f"{words[0].lower()}{words[1:]}", finding.got)


class _Finding:
    """One finding of pydantic, with the words that the messages are made of."""

    def __init__(
        self, document: Document, path: Path, details: ErrorDetails, schema: Schema
    ) -> None:
        self.is_key = path[-1:] == (_KEY,)
        path = path[:-1] if self.is_key else path
        self.path = path
        self.schema = schema
        self.field: Schema = field_at(path, schema) or {}
        self.value: Any = details["input"]
        self.context: dict[str, Any] = details.get("ctx", {})
        self.written = str(self.value) if self.is_key else document.written(path)

    def mistake(self, message: str, remedy: str = "", *, at_key: bool = False) -> Mistake:
        """Return it as a mistake."""
        at_key = at_key or self.is_key
        return Mistake(path=self.path, message=message, remedy=remedy, at_key=at_key)

    @property
    def what(self) -> str:
        """The value in a few words."""
        if isinstance(self.value, dict):
            return "a mapping"
        if isinstance(self.value, list):
            return "a list"
        return "nothing" if self.value is None else f"`{self.written}`"

    @property
    def got(self) -> str:
        """`got …`, for values that are worth showing."""
        return "" if isinstance(self.value, dict | list) else f"got {self.written}"


_EMPTY = "give a value, or remove the line"
Translation = Callable[[_Finding], Mistake]


def _unknown(finding: _Finding) -> Mistake:
    *parents, name = finding.path
    beside = field_at(tuple(parents), finding.schema) or {}
    remedy = did_you_mean(str(name), list(beside.get("properties", {})))
    if not remedy.startswith("did you mean"):
        elsewhere = [
            path for path, _, _ in fields(finding.schema) if _plain(path) == _plain(str(name))
        ]
        remedy = f"did you mean `{elsewhere[0]}`?" if len(elsewhere) == 1 else remedy
    return finding.mistake("unknown field", remedy, at_key=True)


def _plain(path: str) -> str:
    return path.rpartition(".")[2].lower().replace("_", "").replace("-", "")


def _missing(finding: _Finding) -> Mistake:
    meaning = re.split(r"\.\s", finding.field.get("description", ""))[0].rstrip(".")
    remedy = f"add `{finding.path[-1]}:`"
    return finding.mistake("the field is missing", f"{remedy} ({meaning})" if meaning else remedy)


def _choice(finding: _Finding) -> Mistake:
    field, meant = finding.field, finding.context.get("meant")
    choices = [str(word) for word in field.get("enum", [field.get("const")])]
    if finding.value is None or isinstance(finding.value, dict | list):
        return finding.mistake(f"must be one word, not {finding.what}", _one_of(choices))
    is_only = len(choices) == 1
    remedy = (
        f"write {choices[0]}" if is_only else did_you_mean(str(meant or finding.value), choices)
    )
    return finding.mistake(f"{finding.what} is not a choice", remedy)


def _one_of(choices: Iterable[str]) -> str:
    return f"one of: {', '.join(choices)}"


def _pattern(finding: _Finding) -> Mistake:
    rule = RULES.get(finding.context["pattern"], "")
    return finding.mistake(f"{finding.what} is not a legal value", rule)


def _text(finding: _Finding) -> Mistake:
    remedy = f'put it in quotes: "{finding.written}"' if finding.written else ""
    if finding.value is None:
        remedy = _EMPTY
    return finding.mistake(f"must be text, not {finding.what}", remedy)


def _type(wanted: str, example: str = "") -> Translation:
    def translate(finding: _Finding) -> Mistake:
        remedy = _EMPTY if finding.value is None else example
        return finding.mistake(f"must be {wanted}, not {finding.what}", remedy)

    return translate


def _whole_number(finding: _Finding) -> Mistake:
    value, remedy = finding.value, _EMPTY if finding.value is None else "write digits only"
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        remedy = f"write {int(value)}"
    if isinstance(value, str) and value.isdecimal():
        remedy = f"remove the quotes: {value}"
    return finding.mistake(f"must be a whole number, not {finding.what}", remedy)


def _limit(word: str, key: str) -> Translation:
    def translate(finding: _Finding) -> Mistake:
        return finding.mistake(f"must be {word} {finding.context[key]}", finding.got)

    return translate


def _size(word: str, key: str, unit: str) -> Translation:
    def translate(finding: _Finding) -> Mistake:
        n, has = finding.context[key], len(finding.value)
        words = unit if n == 1 else _PLURALS[unit]
        return finding.mistake(f"must have {word} {n} {words}", f"it has {has}")

    return translate


_PLURALS = {"character": "characters", "entry": "entries"}
_TRANSLATIONS: dict[str, Translation] = {
    "extra_forbidden": _unknown,
    "missing": _missing,
    "literal_error": _choice,
    NOT_A_CHOICE: _choice,
    "enum": _choice,
    "string_pattern_mismatch": _pattern,
    "string_type": _text,
    "int_type": _whole_number,
    "bool_type": _type("true or false"),
    "model_type": _type("a mapping", "indent its fields below it"),
    "dict_type": _type("a mapping", "indent its fields below it"),
    "tuple_type": _type("a list", "begin each entry with `- `"),
    "greater_than": _limit("above", "gt"),
    "greater_than_equal": _limit("at least", "ge"),
    "less_than": _limit("below", "lt"),
    "less_than_equal": _limit("at most", "le"),
    "string_too_long": _size("at most", "max_length", "character"),
    "string_too_short": _size("at least", "min_length", "character"),
    "too_long": _size("at most", "max_length", "entry"),
    "too_short": _size("at least", "min_length", "entry"),
}
"""Its kinds of errors; those not here are our own validators' and speak for themselves."""
