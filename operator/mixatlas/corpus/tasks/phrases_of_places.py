"""Ways to ask for a place: boxes, points, everything of a kind.

Gaps are bounded (`.{0,40}`) and nothing is repeated inside a repetition, so that each pattern takes
linear time on any text.
"""

from __future__ import annotations

from mixatlas.corpus.tasks.rule import any_of

_BOX_WORD = (
    r"(?:bound(?:ing|ed)[ -]?box(?:es)?|b?boxes|bbox|coordinates?|locations?|boundaries|positions?|"
    r"position data|center points?|centers)"
)
_TOLD_WORD = (
    r"(?:mention(?:ed|ing)?|discuss(?:ed|ing|ion)?|described?|describing|referenced?|"
    r"refer(?:red)? to|"
    r"talk(?:ed)?|involved|included|featured|cited?|related|relevant|you see)"
)
ASKS_ALL = any_of(
    r"\b(?:detect|locate|find|identify|list|box|locali[sz]e|spot|mark|ground|segment|show|outline|"
    r"where are|give|provide|output|return|report|annotate|draw|point out)\b.{0,40}"
    r"\b(?:all|every|each|any)\b",
    r"\b(?:all|every|each) (?:of the )?(?:\w+ ){0,2}(?:objects?|instances?|items?|things|"
    r"categories)\b",
    r"\bobject detection\b",
    r"\b(?:detect|locate|list|find|identify)\b.{0,25}\bobjects\b",
    r"\b(?:positions?|locations?|coordinates|box(?:es)?) (?:of|for) (?:each|every|all)\b",
    r"\bcategory names?\b|\bregion proposals\b|\bfollowing (?:categories|classes|objects|labels)\b",
    r"\bdetections?\b|\byolo\b|\bannotat(?:e|ions?)\b",
)
BOXES_OF_WHAT_IS_TOLD = any_of(
    rf"\b{_BOX_WORD}\b.{{0,80}}\b{_TOLD_WORD}\b",
    rf"\b{_TOLD_WORD}\b.{{0,40}}\b{_BOX_WORD}\b",
    rf"\b(?:explain|explanation|reason(?:ing)?|thoughts?|thinking|rationale|step by step|story|"
    rf"happening|going on)\b.{{0,120}}\b{_BOX_WORD}\b",
    r"\b(?:match(?:es|ing)?|refer(?:s|red)? to|described by|corresponds? to)\b.{0,30}"
    r"\b(?:description|expression|phrase|sentence)\b",
    r"\byou (?:mention|describe|discuss|reference|talk about)\b",
)
OF_NAMED_CLASSES = any_of(r"\b(?:categor(?:y|ies)|class(?:es)?|labels?)\b")
DETECT_COMMAND = any_of(r"^detect (?!(?:the|this|that|all|every|each|text|whether|if)\b)")
POINTS_AT = any_of(
    r"\b(?:point|click|tap|pinpoint|where is|where are|where should|locate|touch|press|location of|"
    r"icon|button)\b"
)
