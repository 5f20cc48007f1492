"""Questions and answers from the shapes that sources have them in.

Blanks around a text are not part of it, nor are placeholders of images: the images of a sample
stand before its text, whatever the format.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from mixatlas.contract.manifest import Turn
from mixatlas.corpus.readers.columns import Columns, Unusable, checked_text, kind_of

CAPTION_QUESTION = "Describe the image."
PLACEHOLDER = "<image>"
# A run of them is one gap. It begins with the first of its blanks, so that none is tried twice.
_GAP = re.compile(r"(?<!\s)(?:\s*<image>)+\s*")
_LISTS = ("conversations", "turns", "texts")
_SINGLES = ("question", "answer", "caption")
TURN_FIELDS = (*_LISTS, *_SINGLES)
_PAIRS = (("question", "answer"), ("user", "assistant"))
_MESSAGES = (("from", "value"), ("role", "content"))
_ASKS = frozenset({"human", "user"})
_ANSWERS = frozenset({"gpt", "assistant"})


def turns_of(record: Mapping[str, Any], columns: Columns, *, n_images: int) -> tuple[Turn, ...]:
    """Return the turns of a record.

    Taken is the first of these that is there: what the document names; `conversations`, `turns`
    or `texts`, each a list of pairs (question and answer, user and assistant) or of messages
    (from and value, role and content); `question` and `answer`; `caption`.

    Args:
        record: Of the source.
        columns: Its columns.
        n_images: Of the sample. There may be as many placeholders in its text, or none.

    Raises:
        Unusable: There is no text, or it is not as it must be.
    """
    for field in _list_fields(columns):
        if (value := columns.get(record, field)) is not None:
            return without_placeholders(_from_list(value, columns.name(field)), n_images)
    return without_placeholders((_single(record, columns),), n_images)


def make_turn(question: object, answer: object, *, names: tuple[str, str]) -> Turn:
    """Return a turn, its texts checked.

    Raises:
        Unusable: One is no text, or the answer is empty.
    """
    text = checked_text(answer, names[1])
    if not text:
        raise Unusable(f"{names[1]}: is empty")
    return Turn(question=checked_text(question, names[0]), answer=text)


def without_placeholders(turns: tuple[Turn, ...], n_images: int) -> tuple[Turn, ...]:
    """Take the placeholders of images out of the text, each with the blanks around it.

    Raises:
        Unusable: There are some, but not one an image; or an answer was nothing else.
    """
    texts = [text for turn in turns for text in (turn.question, turn.answer)]
    n_found = sum(text.count(PLACEHOLDER) for text in texts)
    if n_found not in (0, n_images):
        raise Unusable(f"{n_found} placeholders {PLACEHOLDER} for {n_images} images")
    if not n_found:
        return turns
    return tuple(
        make_turn(
            _filled(turn.question),
            _filled(turn.answer),
            names=(f"turns.{index}.question", f"turns.{index}.answer"),
        )
        for index, turn in enumerate(turns)
    )


def _filled(text: str) -> str:
    return _GAP.sub(_gap, text) if PLACEHOLDER in text else text


def _gap(match: re.Match[str]) -> str:
    return "\n" if "\n" in match[0] else " "


def _list_fields(columns: Columns) -> tuple[str, ...]:
    """Return the fields that may hold a list of turns, those that the document names alone."""
    if any(field in columns.named for field in TURN_FIELDS):
        return tuple(field for field in _LISTS if field in columns.named)
    return _LISTS


def _single(record: Mapping[str, Any], columns: Columns) -> Turn:
    answer, caption = columns.get(record, "answer"), columns.get(record, "caption")
    if "caption" in columns.named or (answer is None and caption is not None):
        names = ("question", columns.name("caption"))
        return make_turn(CAPTION_QUESTION, caption, names=names)
    question = columns.get(record, "question")
    if question is None and answer is None:
        raise Unusable(f"has no text: none of {', '.join(TURN_FIELDS)}")
    return make_turn(question, answer, names=(columns.name("question"), columns.name("answer")))


def _from_list(value: object, name: str) -> tuple[Turn, ...]:
    if not isinstance(value, list):
        raise Unusable(f"{name}: must be a list, not {kind_of(value)}")
    if not value:
        raise Unusable(f"{name}: is empty")
    for index, entry in enumerate(value):
        if not isinstance(entry, Mapping):
            raise Unusable(f"{name}.{index}: must be an object, not {kind_of(entry)}")
    for keys in _PAIRS:
        if any(key in value[0] for key in keys):
            return tuple(_pair(entry, f"{name}.{i}", keys) for i, entry in enumerate(value))
    for keys in _MESSAGES:
        if any(key in value[0] for key in keys):
            return tuple(_from_messages(value, name, keys))
    raise Unusable(f"{name}.0: has neither question and answer nor from and value")


def _pair(entry: Mapping[str, Any], place: str, keys: tuple[str, str]) -> Turn:
    names = (f"{place}.{keys[0]}", f"{place}.{keys[1]}")
    return make_turn(entry.get(keys[0]), entry.get(keys[1]), names=names)


def _from_messages(
    messages: list[Mapping[str, Any]], name: str, keys: tuple[str, str]
) -> Iterator[Turn]:
    """Pair questions with answers. What stands before the first question is left out.

    A system prompt, or an answer to what was cut off, is no one's question; LLaVA's own trainer
    passes over it too.
    """
    roles = [_role(entry, f"{name}.{index}", keys[0]) for index, entry in enumerate(messages)]
    if True not in roles:
        raise Unusable(f"{name}: no question, all {keys[0]} are answers")
    start = roles.index(True)
    for index in range(start, len(messages), 2):
        if not roles[index]:
            raise Unusable(f"{name}.{index}: two answers in a row")
        if index + 1 == len(messages):
            raise Unusable(f"{name}.{index}: a question without an answer")
        if roles[index + 1]:
            raise Unusable(f"{name}.{index + 1}: two questions in a row")
        yield make_turn(
            messages[index].get(keys[1]),
            messages[index + 1].get(keys[1]),
            names=(f"{name}.{index}.{keys[1]}", f"{name}.{index + 1}.{keys[1]}"),
        )


def _role(entry: Mapping[str, Any], place: str, key: str) -> bool:
    """Return whether a message asks. A system prompt, which may only come first, does not."""
    role = entry.get(key)
    if isinstance(role, str):
        if role in _ASKS:
            return True
        if role in _ANSWERS or (role == "system" and place.endswith(".0")):
            return False
    known = ", ".join(sorted(_ASKS | _ANSWERS))
    raise Unusable(f"{place}.{key}: {str(role)[:40]!r} is none of {known}")
