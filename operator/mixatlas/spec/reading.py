"""YAML as far as a document needs it: plain values, and no way to say one thing twice.

Left out on purpose: anchors and aliases (a few lines can stand for gigabytes, and a mistake would
have two places), merge keys, tags, dates (they are text), and numbers without end.
"""

from __future__ import annotations

import math
import re
from typing import Any

import yaml

DEEPEST = 40
"""Levels of nesting: a document has 10, a Job template some 15."""

_FLOAT = re.compile(
    r"[-+]?(?:(?:[0-9][0-9_]*)?\.[0-9]+|[0-9][0-9_]*\.?)(?:[eE][-+]?[0-9]+)?|[-+]?\.inf|\.nan",
    re.IGNORECASE,
)
_TAG = "tag:yaml.org,2002:"
_FOREIGN = (f"{_TAG}timestamp", f"{_TAG}value")
PLAIN_TAGS = frozenset(f"{_TAG}{name}" for name in ("null", "bool", "int", "float", "str"))


class Refusal(yaml.MarkedYAMLError):
    """A construct that YAML allows and a document does not; `note` holds the remedy."""


class Reader(yaml.SafeLoader):
    """PyYAML's safe loader without aliases, dates, and deep nesting."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Compose the next node.

        Raises:
            Refusal: It is an alias, or nested too deeply.
        """
        event = self.peek_event()
        if isinstance(event, yaml.AliasEvent):
            raise Refusal(
                problem=f"the alias `*{event.anchor}` is not read",
                problem_mark=event.start_mark,
                note="Write the value out.",
            )
        if self.depth >= DEEPEST:
            raise Refusal(
                problem=f"nested more than {DEEPEST} levels deep",
                problem_mark=event.start_mark,
                note="Close the brackets, or correct the indentation.",
            )
        self.depth += 1
        node: yaml.Node | None = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def value_of(self, node: yaml.ScalarNode) -> Any:
        """Return the value of a scalar.

        Raises:
            ValueError: It is written like a number and is none that can be used.
        """
        value = self.construct_object(node)
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError("not finite")
        if isinstance(value, str):
            value.encode()  # half of a surrogate pair is no text
        return value


# YAML 1.1 takes `1e-3` for text; the API server, and every reader, for a number.
Reader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in _FOREIGN]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
Reader.add_implicit_resolver(
    f"{_TAG}float", re.compile(rf"^(?:{_FLOAT.pattern})$", re.IGNORECASE), list("-+0123456789.")
)
