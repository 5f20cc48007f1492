"""Canonical JSON and the digests that stand on it (contract: "Small print")."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, WithJsonSchema
from pydantic.alias_generators import to_camel

LONGEST_DECIMAL = 20
DECIMAL_PATTERN = r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE]-?[0-9]{1,2})?$"
"""Exponents have at most two digits: an exact fraction of a larger one would fill the memory."""
_DECIMAL = re.compile(DECIMAL_PATTERN)


def canonical_json(value: Any) -> bytes:
    """Serialise plain data to its one canonical form.

    Args:
        value: Dicts with string keys, lists, strings, integers, booleans, None. Floats are
            taken only where a foreign format needs them (a Hugging Face model config).

    Returns:
        UTF-8 bytes: sorted keys, no spaces, no escapes beyond JSON's own.

    Raises:
        ValueError: A float is NaN or infinite.

    Example:
        >>> canonical_json({"b": 1, "a": ["é"]}).decode()
        '{"a":["é"],"b":1}'
    """
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def sha256_hex(content: bytes) -> str:
    """Hash bytes to 64 lower-case hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def check_decimal(text: str) -> str:
    """Return a decimal number's text as it is.

    Raises:
        ValueError: The text is no decimal number, or longer than 20 characters.
    """
    if len(text) > LONGEST_DECIMAL or not _DECIMAL.fullmatch(text):
        raise ValueError('must be a decimal number, such as "0.25", of at most 20 characters')
    return text


DecimalString = Annotated[
    str,
    AfterValidator(check_decimal),
    WithJsonSchema({"type": "string", "maxLength": LONGEST_DECIMAL, "pattern": DECIMAL_PATTERN}),
]
"""A number written in quotes. Its digits, not its float, take part in digests."""


class Record(BaseModel):
    """Base of every stored record: frozen, camelCase outside, unknown fields refused."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True
    )

    def to_plain(self) -> dict[str, Any]:
        """Return the record as JSON-ready data with its outside (camelCase) names."""
        return self.model_dump(mode="json", by_alias=True)

    def to_bytes(self) -> bytes:
        """Return the record as canonical JSON with a final newline."""
        return canonical_json(self.to_plain()) + b"\n"
