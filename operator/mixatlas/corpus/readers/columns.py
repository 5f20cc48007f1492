"""Which of a source's columns is which field of a sample."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, final

from mixatlas.contract.errors import CorpusInvalid
from mixatlas.spec.places import did_you_mean


class Unusable(Exception):
    """A sample cannot be used; the message says why, for a BrokenSample."""


class _Missing:
    """What a column has that is not there; None is a value."""


MISSING: Final = _Missing()


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """The columns of a source.

    Args:
        named: By field, as the document has them. A name with dots leads into nested values,
            `meta.0.label`, where there is no column of just that name.
        usual: By field, what the format calls it where it is not named as the field is.
    """

    named: Mapping[str, str]
    usual: Mapping[str, str]

    def name(self, field: str) -> str:
        """Return the column of a field."""
        return self.named.get(field) or self.usual.get(field, field)

    def get(self, record: Mapping[str, Any], field: str) -> Any:
        """Return the value of a field, None where the record has none.

        Raises:
            Unusable: The document names the column, and this record lacks it.
        """
        value = find(record, self.name(field))
        if value is not MISSING:
            return value
        if field in self.named and field != "image":  # a text sample has no image
            raise Unusable(f"has no `{self.named[field]}`, which is its {field}")
        return None

    def text(self, record: Mapping[str, Any], field: str) -> str | None:
        """Return a field that is text, None where it is missing or empty.

        Raises:
            Unusable: It is something else, or cannot be written as UTF-8.
        """
        value = self.get(record, field)
        return None if value is None else checked_text(value, self.name(field)) or None

    def check(self, record: Mapping[str, Any], *, file: str, but: Iterable[str] = ()) -> None:
        """Check a file's columns by one of its records.

        Args:
            record: The first one; values do not matter.
            file: For the message.
            but: Fields that a record may lack.

        Raises:
            CorpusInvalid: It lacks a column that the document names.
        """
        for field, name in self.named.items():
            if field not in but and find(record, name) is MISSING:
                raise CorpusInvalid(
                    f"{file}: no column `{name}`, which `columns.{field}` names",
                    hint=did_you_mean(name, list(record)),
                )


def find(record: Mapping[str, Any], name: str) -> Any:
    """Return a value by its column's name, MISSING without it."""
    if name in record:
        return record[name]
    value: Any = record
    for part in name.split("."):
        if isinstance(value, Mapping) and part in value:
            value = value[part]
        elif isinstance(value, list) and part.isdecimal() and int(part) < len(value):
            value = value[int(part)]
        else:
            return MISSING
    return value


def checked_text(value: object, name: str) -> str:
    """Return text without surrounding blanks.

    Raises:
        Unusable: It is no text, or has half of a surrogate pair.
    """
    if not isinstance(value, str):
        raise Unusable(f"{name}: must be text, not {kind_of(value)}")
    text = value.strip()
    if not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text):
        raise Unusable(f"{name}: has half of a surrogate pair")
    return text


def kind_of(value: object) -> str:
    """Say what a value is, in the words of JSON."""
    for kind, word in _KINDS:
        if isinstance(value, kind):
            return word
    return "nothing" if value is None else type(value).__name__


_KINDS: tuple[tuple[type, str], ...] = (
    (bool, "true or false"),
    (int, "a number"),
    (float, "a number"),
    (str, "text"),
    (bytes, "bytes"),
    (Mapping, "an object"),
    (list, "a list"),
)
