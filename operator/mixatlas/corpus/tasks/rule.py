"""What a rule looks at, and what a rule is: conditions as data, so that they have a digest."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass

from mixatlas.contract.manifest import Task
from mixatlas.corpus.tasks.boxes import Boxes, find_boxes

QUESTION_HEAD = 4_096
QUESTION_TAIL = 512
ANSWER_HEAD = 8_192
MAX_WORDS = 200

_PLACEHOLDERS = re.compile(
    r"(?:picture \d{1,3}: ?)?<img>[^<]{0,300}</img>"
    r"|<\|?(?:image|img|vision)(?:[_ ]?(?:\d{1,3}|pad|start|end|here|placeholder|soft_token))?\|?>"
    r"|\[IMG\]",
    re.IGNORECASE,
)
_SPEAKER = re.compile(r"^\s*(?:question|q|user|human)\s?:\s*", re.IGNORECASE)
_OCR_TOKENS = re.compile(r"(?:reference )?ocr tokens?:[^\n]*", re.IGNORECASE)
# A Chinese, Japanese or Korean character counts as a word: there are no spaces to count by.
_WORD = re.compile(
    r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\s\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+"
)
PLACES = re.compile(
    r"\b(?:where|locat\w{1,6}|bounding|\w{0,4}box(?:es)?|bbox\w{0,4}|coordinates?|detect\w{0,5}|"
    r"regions?|boundar\w{1,3}|ground(?:ing|ed)?|locali[sz]\w{1,6}|positions?|find|spot|pinpoint|outline|highlight|"
    r"segment\w{0,6}|areas?|rectangles?|refer\w{0,6}|ref|xyxy|xywh|x_?1|xmin|identify|mark|point|yolo|annotat\w{1,4})\b",
    re.IGNORECASE,
)
REGIONS = re.compile(
    r"\b(?:objects?|sections?|portions?|bounds|enclosed|within|inside|contained|described? what|"
    r"images?|pictures?|photo\w{0,5})\b",
    re.IGNORECASE,
)


class Fact(enum.Flag):
    """What is known of a turn beside its words."""

    NONE = 0
    IMAGE = enum.auto()
    QUESTION = enum.auto()
    """The question has words, not only an image's placeholder."""
    OCR_TOKENS = enum.auto()
    """The question gives the words that a reader of the image found."""
    QUESTION_BOX = enum.auto()
    ANSWER_BOX = enum.auto()
    SEVERAL_BOXES = enum.auto()
    LABELLED_BOXES = enum.auto()
    BOXES_IN_PROSE = enum.auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A turn as rules see it: bounded, whatever the size of its texts.

    Args:
        question: Without placeholders of images and without OCR tokens; of a long one, its first
            `QUESTION_HEAD` and last `QUESTION_TAIL` characters.
        answer: Its first `ANSWER_HEAD` characters.
        n_words: Of the answer; more than `MAX_WORDS` where it is longer than its head.
        facts: Beside the words.
    """

    question: str
    answer: str
    n_words: int
    facts: Fact


def read_turn(question: str, answer: str, *, has_image: bool) -> Reading:
    """Read a turn. Takes bounded time and memory."""
    if len(question) > QUESTION_HEAD + QUESTION_TAIL:
        question = f"{question[:QUESTION_HEAD]}\n{question[-QUESTION_TAIL:]}"
    bare = _SPEAKER.sub("", _PLACEHOLDERS.sub("", question)).strip()
    asked = _OCR_TOKENS.sub("", bare).strip()
    facts = Fact.IMAGE if has_image else Fact.NONE
    if asked:
        facts |= Fact.QUESTION
    if asked != bare:
        facts |= Fact.OCR_TOKENS
    head = answer[:ANSWER_HEAD].strip()
    n_words = min(len(_WORD.findall(head)), MAX_WORDS)
    if len(answer) > ANSWER_HEAD:
        n_words = MAX_WORDS + 1
    facts |= _box_facts(asked, find_boxes(asked), find_boxes(head))
    return Reading(question=asked, answer=head, n_words=n_words, facts=facts)


def _box_facts(question: str, asked: Boxes, answered: Boxes) -> Fact:
    facts = Fact.NONE
    asks_for_place = bool(PLACES.search(question))
    if asked.n and (asked.are_sure or asks_for_place or REGIONS.search(question)):
        facts |= Fact.QUESTION_BOX
    if answered.n and (answered.are_sure or asks_for_place):
        facts |= Fact.ANSWER_BOX
        facts |= Fact.SEVERAL_BOXES if answered.n > 1 else Fact.NONE
        facts |= Fact.LABELLED_BOXES if answered.are_labelled else Fact.NONE
        facts |= Fact.BOXES_IN_PROSE if answered.are_in_prose else Fact.NONE
    return facts


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One built-in rule: all that it names must hold.

    Args:
        name: Unique; reported with every decision.
        task: What a turn is where the rule holds.
        confidence: How often that is right, in 0 to 1, by judgement over the datasets' styles.
        says: When it holds, in one line for people.
        question: Must be found in the question.
        unless: Must not be found in the question.
        answer: Must be found in the answer.
        words: The least and the most words of the answer.
        needs: Facts that must all be there.
        lacks: Facts of which none may be there.
    """

    name: str
    task: Task
    confidence: float
    says: str
    question: re.Pattern[str] | None = None
    unless: re.Pattern[str] | None = None
    answer: re.Pattern[str] | None = None
    words: tuple[int, int] = (0, MAX_WORDS + 1)
    needs: Fact = Fact.NONE
    lacks: Fact = Fact.NONE

    def holds(self, turn: Reading) -> bool:
        """Whether the rule holds for a turn. What costs least is looked at first."""
        return (
            turn.facts & self.needs == self.needs
            and not turn.facts & self.lacks
            and self.words[0] <= turn.n_words <= self.words[1]
            and (self.question is None or self.question.search(turn.question) is not None)
            and (self.answer is None or self.answer.search(turn.answer) is not None)
            and (self.unless is None or self.unless.search(turn.question) is None)
        )


def any_of(*patterns: str) -> re.Pattern[str]:
    """Compile alternatives to one pattern, whatever the case; `.` does not cross lines."""
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.IGNORECASE)
