"""YAML as far as a document needs it: plain values, and one way to say each.

Left out on purpose: aliases (a few lines can stand for gigabytes, and a mistake would have two
places), tags, dates (they are text), numbers without end, and bottomless nesting.
"""

from __future__ import annotations

import math
import re
from typing import Any

import yaml

DEEPEST = 40
"""Levels of nesting: a document has 10, with a Job template some 20."""

_TAG = "tag:yaml.org,2002:"
MERGE_TAG = f"{_TAG}merge"
TEXT_TAG = f"{_TAG}str"
_NUMBER = re.compile(r"^[-+]?(?:\.[0-9]+|[0-9][0-9_]*(?:\.[0-9_]*)?)(?:[eE][-+]?[0-9]+)?$")


class Refusal(yaml.MarkedYAMLError):
    """Something that YAML allows and a document does not; `note` holds the remedy."""


class Reader(yaml.SafeLoader):
    """PyYAML's safe loader, restricted as the module says."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Compose the next node.

        Raises:
            Refusal: It is an alias, has a tag, or is nested too deeply.
        """
        event = self.peek_event()  # type: ignore[no-untyped-call]  # the stubs lack its signature
        if isinstance(event, yaml.AliasEvent):
            what, note = f"the alias `*{event.anchor}` is not read", "write the value out"
        elif event.tag is not None:
            tag = event.tag.replace(_TAG, "!!")
            what, note = f"the tag `{tag}` is not read", "remove it; text can be put in quotes"
        elif self.depth >= DEEPEST:
            what, note = f"nested more than {DEEPEST} levels deep", "close the brackets"
        else:
            self.depth += 1
            node: yaml.Node | None = super().compose_node(parent, index)
            self.depth -= 1
            return node
        raise Refusal(problem=what, problem_mark=event.start_mark, note=note)

    def value_of(self, node: yaml.Node) -> Any:
        """Return the value of a scalar.

        Raises:
            ValueError: It is a number that nothing can hold, or broken text.
        """
        value = self.construct_object(node)
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError("not finite")
        if isinstance(value, str):
            value.encode()  # half of a surrogate pair is no text
        return value


Reader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != f"{_TAG}timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    if first != "="
}
# YAML 1.1 takes `1e-3` and `-.5` for text; the API server, like most readers, for numbers.
Reader.add_implicit_resolver(f"{_TAG}float", _NUMBER, list("-+0123456789."))


class Writer(yaml.SafeDumper):
    """Puts text in quotes where `Reader` would take it for something else."""


Writer.yaml_implicit_resolvers = Reader.yaml_implicit_resolvers
