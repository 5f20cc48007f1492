"""What must hold between the fields of a corpus document, and is told with their own mistakes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mixatlas.contract.errors import SpecError
from mixatlas.corpus.readers import FORMATS, fields_of
from mixatlas.spec.places import Mistake, Path, did_you_mean

Source = Mapping[str, Any]


def find_mistakes(data: Mapping[str, Any]) -> Iterator[Mistake]:
    """Yield every contradiction inside a document.

    Args:
        data: As written: single fields may be wrong, and are passed over here.
    """
    yield from _items(data)
    found = data.get("sources")
    entries = enumerate(found if isinstance(found, list) else ())
    sources = {index: source for index, source in entries if isinstance(source, dict)}
    yield from _names(sources)
    for index, source in sources.items():
        yield from _concept(("sources", index), source)
        yield from _columns(("sources", index), source)


def find_local_places(data: Mapping[str, Any]) -> Iterator[Mistake]:
    """Yield every place that is not in a store: pods see nothing else."""
    paths: list[Path] = [("tokenizer",), ("items",), ("concepts", "model")]
    for index in range(len(data["sources"])):
        paths += [("sources", index, "uri"), ("sources", index, "images")]
    for path in paths:
        place: Any = data
        for key in path:
            place = place.get(key) if isinstance(place, dict) else place[key]
        if place is not None and not str(place).startswith("s3://"):
            yield Mistake(
                path=path,
                message=f"{place!r} is a path, which pods do not see",
                remedy="copy it into the store, and write s3://BUCKET/PREFIX",
            )


def _items(data: Mapping[str, Any]) -> Iterator[Mistake]:
    has_items = data.get("items") is not None
    if bool(data.get("benchmarks")) != has_items:
        yield Mistake(
            path=("items" if has_items else "benchmarks",),
            message="`benchmarks` and `items` belong together",
            remedy="give both, or neither: `items` are the benchmarks' JSON lines",
            at_key=True,
        )


def _names(sources: Mapping[int, Source]) -> Iterator[Mistake]:
    names: set[str] = set()
    for index, source in sources.items():
        name = source.get("name")
        if isinstance(name, str) and name in names:
            yield Mistake(
                path=("sources", index, "name"),
                message="two sources have one name",
                remedy="give each a name of its own",
            )
        names.add(str(name))


def _concept(at: Path, source: Source) -> Iterator[Mistake]:
    if source.get("concept") == "text":
        yield Mistake(
            path=(*at, "concept"),
            message="`text` is for samples without an image, which have it anyway",
            remedy="name the concept of the images",
        )


def _columns(at: Path, source: Source) -> Iterator[Mistake]:
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
                path=(*at, "columns", field),
                message=f"{name} has no such field",
                remedy=did_you_mean(field, fields),
                at_key=True,
            )
