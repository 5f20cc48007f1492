"""What must hold between the fields of a corpus document, and is told with their own mistakes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mixatlas.contract.errors import SpecError
from mixatlas.corpus.readers import FORMATS, fields_of
from mixatlas.spec.places import Mistake, did_you_mean


def find_mistakes(data: Mapping[str, Any]) -> Iterator[Mistake]:
    """Yield every contradiction inside a document.

    Args:
        data: As written: single fields may be wrong, and are passed over here.
    """
    if bool(data.get("benchmarks")) != (data.get("items") is not None):
        there = "items" if data.get("items") is not None else "benchmarks"
        yield Mistake(
            path=(there,),
            message="`benchmarks` and `items` belong together",
            remedy="give both, or neither: `items` are the benchmarks' JSON lines",
            at_key=True,
        )
    sources = data.get("sources")
    names: set[str] = set()
    for index, source in enumerate(sources if isinstance(sources, list) else ()):
        if not isinstance(source, dict):
            continue
        name = source.get("name")
        if isinstance(name, str) and name in names:
            remedy = "give each a name of its own"
            yield Mistake(
                path=("sources", index, "name"), message="two sources have one name", remedy=remedy
            )
        names.add(str(name))
        yield from _columns(index, source)


def _columns(index: int, source: Mapping[str, Any]) -> Iterator[Mistake]:
    name, columns = source.get("format"), source.get("columns")
    if not isinstance(name, str) or name not in FORMATS or not isinstance(columns, dict):
        return
    try:
        fields = fields_of(name)
    except SpecError:  # its library is not installed: only the build needs it
        return
    for field in columns:
        if field not in fields:
            yield Mistake(
                path=("sources", index, "columns", field),
                message=f"{name} has no such field",
                remedy=did_you_mean(field, fields),
                at_key=True,
            )
