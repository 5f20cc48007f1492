"""The examples of `docs/install.md` are taken by the chart, and by a search."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from helm import CHART, Helm
from mixatlas.spec.load import load_search

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs/install.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"(?ms)^```yaml\n(.*?)^```", DOCUMENT)
SEARCHES = [block for block in BLOCKS if block.startswith("# search.yaml")]
VALUES = [block for block in BLOCKS if block not in SEARCHES]
Plain = dict[str, Any]


@pytest.mark.parametrize("block", VALUES, ids=range(len(VALUES)))
def test_values_are_taken(helm: Helm, block: str) -> None:
    helm.render(yaml.safe_load(block))


@pytest.mark.parametrize("block", SEARCHES, ids=range(len(SEARCHES)))
def test_parts_of_searches_are_taken(block: str) -> None:
    search = yaml.safe_load((ROOT / "examples/specs/minimal.yaml").read_text(encoding="utf-8"))
    load_search(yaml.safe_dump(merged(search, yaml.safe_load(block))), filename="install.md")


def merged(below: Plain, above: Plain) -> Plain:
    """Return a document with the fields of another one in their places."""
    return {
        **below,
        **{
            key: merged(below[key], value)
            if isinstance(value, dict) and isinstance(below.get(key), dict)
            else value
            for key, value in above.items()
        },
    }


def paths(values: Any, path: str = "") -> Iterator[str]:
    yield path
    if isinstance(values, dict):
        for key, child in values.items():
            yield from paths(child, f"{path}.{key}".lstrip("."))


def test_values_that_the_words_name_are_there() -> None:
    known = set(paths(yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))))
    named = set(re.findall(r"`([a-z]\w*(?:\.[a-z]\w*)+)(?:=\w+)?`", DOCUMENT))
    named = {name for name in named if name.split(".")[0] in known and name != "values.yaml"}
    assert "storage.existingSecret" in named
    assert named <= known
