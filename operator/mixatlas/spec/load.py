"""YAML → MixtureSearch, with every mistake at its place."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from mixatlas.contract.canonical import check_decimal
from mixatlas.spec.checks import find_mistakes
from mixatlas.spec.model import MixtureSearch
from mixatlas.spec.places import Document, Mistake, Path, did_you_mean
from mixatlas.spec.support import refuse_unsupported

FOREIGN_METADATA = frozenset(
    {
        "creationTimestamp",
        "deletionGracePeriodSeconds",
        "deletionTimestamp",
        "finalizers",
        "generateName",
        "managedFields",
        "ownerReferences",
        "resourceVersion",
        "selfLink",
        "uid",
    }
)
"""Metadata that a cluster adds: `kubectl get -o yaml` can be run locally."""


def load_search(text: str, *, filename: str = "search.yaml") -> MixtureSearch:
    """Read one MixtureSearch.

    Args:
        text: A YAML document.
        filename: For messages.

    Returns:
        The document, valid by itself; what needs the corpus is checked at acceptance.

    Raises:
        SpecError: It lists all mistakes, each as `file:line:column: field: what is wrong`, with
            the line and the remedy.
        NotYetSupported: A field that this version does not act on.
    """
    document = Document(text, filename)
    data = document.data
    if isinstance(data, dict) and isinstance(data.get("metadata"), dict):
        data["metadata"] = {
            key: value for key, value in data["metadata"].items() if key not in FOREIGN_METADATA
        }
    try:
        # As JSON, and strictly: what the API server would refuse (a number in quotes, a field
        # in another spelling) is refused here too.
        text_form = json.dumps(data, default=str)
        search = MixtureSearch.model_validate_json(text_form, strict=True, by_name=False)
    except ValidationError as error:
        document.refuse(list(_mistakes(document, error)))
        raise AssertionError("a validation error without mistakes") from error
    document.refuse(find_mistakes(search))
    refuse_unsupported(search, document)
    return search


def _mistakes(document: Document, error: ValidationError) -> Iterator[Mistake]:
    told: set[Path] = set()
    for details in error.errors():
        if details["type"] == "too_short" and len(details["input"]) >= details["ctx"]["min_length"]:
            continue  # pydantic counts only entries without mistakes of their own
        path = _path_in(document.data, details["loc"])
        if path not in told:
            told.add(path)
            yield _translate(document, path, details)


def _path_in(data: Any, location: tuple[int | str, ...]) -> Path:
    """Drop the parts of pydantic's location that the document does not spell (union tags)."""
    path: list[str | int] = []
    here = data
    for index, part in enumerate(location):
        is_last = index == len(location) - 1
        if isinstance(here, dict) and part not in here and not is_last:
            continue
        path.append(part)
        try:
            here = here[part]
        except (KeyError, IndexError, TypeError):
            here = None
    return tuple(path)


def _translate(document: Document, path: Path, details: ErrorDetails) -> Mistake:
    kind, value = details["type"], details["input"]
    translate = _TRANSLATIONS.get(kind)
    if translate is not None:
        message, remedy, at_key = translate(path, value, details.get("ctx", {}))
        if kind == "string_type" and isinstance(value, int | float) and not isinstance(value, bool):
            message, remedy = _unquoted(document, path, value)
        return Mistake(path=path, message=message, remedy=remedy, at_key=at_key)
    words = details["msg"].removeprefix("Value error, ")
    return Mistake(path=path, message=f"{words[0].lower()}{words[1:]}", remedy=_got(value))


def _unquoted(document: Document, path: Path, value: float) -> tuple[str, str]:
    """Print the line as it should be: a number that YAML reads is not the number as written."""
    if path and isinstance(path[-1], str) and _takes_decimal(path):
        line = document.line_of(path)
        _, _, written = line.partition(f"{path[-1]}:")
        number = written.strip().split(",")[0].split("}")[0].split("#")[0].strip() or str(value)
        return "a decimal must be in quotes", f'write `{path[-1]}: "{number}"`'
    return "must be text", f'put it in quotes: "{value}"'


def _takes_decimal(path: Path) -> bool:
    """Tell whether a field is a quoted decimal."""
    model: Any = MixtureSearch
    for part in path:
        if isinstance(part, int):
            continue
        fields = getattr(model, "model_fields", {})
        field = next((f for f in fields.values() if f.alias == part), None)
        if field is None:
            return False
        model = _inner(field.annotation)
        if any(getattr(m, "func", None) is check_decimal for m in field.metadata):
            return True
    return "decimal" in str(model)


def _inner(annotation: Any) -> Any:
    """Return the model inside Optional, tuple and Annotated."""
    for argument in get_args(annotation):
        if isinstance(argument, type) and issubclass(argument, BaseModel):
            return argument
        if get_origin(argument) is not None:
            found = _inner(argument)
            if found is not None:
                return found
    for argument in getattr(annotation, "__metadata__", ()):
        if getattr(argument, "func", None) is check_decimal:
            return "decimal"
    is_model = isinstance(annotation, type) and issubclass(annotation, BaseModel)
    return annotation if is_model else _decimal_inside(annotation)


def _decimal_inside(annotation: Any) -> str | None:
    for argument in get_args(annotation):
        if any(
            getattr(m, "func", None) is check_decimal for m in getattr(argument, "__metadata__", ())
        ):
            return "decimal"
    return None


def _known_fields(path: Path) -> list[str]:
    """Return the fields beside an unknown one."""
    model: Any = MixtureSearch
    for part in path[:-1]:
        if isinstance(part, int):
            continue
        field = next((f for f in model.model_fields.values() if f.alias == part), None)
        inner = _inner(field.annotation) if field is not None else None
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            return []
        model = inner
    return [field.alias or name for name, field in model.model_fields.items()]


def _got(value: Any) -> str:
    return "" if isinstance(value, dict | list) else f"got {value!r}"


Translation = Callable[[Path, Any, dict[str, Any]], tuple[str, str, bool]]


def _unknown(path: Path, value: Any, context: dict[str, Any]) -> tuple[str, str, bool]:
    return "unknown field", did_you_mean(str(path[-1]), _known_fields(path)), True


def _missing(path: Path, value: Any, context: dict[str, Any]) -> tuple[str, str, bool]:
    return "the field is missing", f"add `{path[-1]}:`", False


def _choice(path: Path, value: Any, context: dict[str, Any]) -> tuple[str, str, bool]:
    choices = [part.strip(" '") for part in context["expected"].replace(" or ", ", ").split(",")]
    return f"{value!r} is not a choice", did_you_mean(str(value), choices), False


def _pattern(path: Path, value: Any, context: dict[str, Any]) -> tuple[str, str, bool]:
    return (
        f"{value!r} is not a legal name",
        "use lower-case letters, digits and hyphens" if path[-1] == "name" else "",
        False,
    )


def _type(what: str, example: str) -> Translation:
    def translate(path: Path, value: Any, context: dict[str, Any]) -> tuple[str, str, bool]:
        got = "nothing" if value is None else f"{type(value).__name__} {value!r}"
        if isinstance(value, dict | list):
            got = "a mapping" if isinstance(value, dict) else "a list"
        return f"must be {what}, not {got}", f"such as {example}" if example else "", False

    return translate


def _limit(word: str, key: str) -> Translation:
    def translate(path: Path, value: Any, context: dict[str, Any]) -> tuple[str, str, bool]:
        return f"must be {word} {context[key]}", _got(value), False

    return translate


def _size(word: str, key: str, unit: str) -> Translation:
    def translate(path: Path, value: Any, context: dict[str, Any]) -> tuple[str, str, bool]:
        got = f"it has {len(value)}" if hasattr(value, "__len__") else ""
        n = context[key]
        return f"must have {word} {n} {unit[:-3] + 'y' if n == 1 else unit}", got, False

    return translate


_INTEGER = _type("a whole number", "`8`")
_TRANSLATIONS: dict[str, Translation] = {
    "extra_forbidden": _unknown,
    "missing": _missing,
    "literal_error": _choice,
    "enum": _choice,
    "string_pattern_mismatch": _pattern,
    "string_type": _type("text", ""),
    "int_type": _INTEGER,
    "int_parsing": _INTEGER,
    "int_from_float": _INTEGER,
    "bool_type": _type("true or false", ""),
    "bool_parsing": _type("true or false", ""),
    "model_type": _type("a mapping", ""),
    "dict_type": _type("a mapping", ""),
    "tuple_type": _type("a list", ""),
    "greater_than": _limit("above", "gt"),
    "greater_than_equal": _limit("at least", "ge"),
    "less_than": _limit("below", "lt"),
    "less_than_equal": _limit("at most", "le"),
    "string_too_long": _size("at most", "max_length", "characters"),
    "string_too_short": _size("at least", "min_length", "characters"),
    "too_long": _size("at most", "max_length", "entries"),
    "too_short": _size("at least", "min_length", "entries"),
}
"""pydantic's error kinds in words for people; those not here say their own message."""
