"""Ways to ask for a place: boxes, points, everything of a kind.

Gaps are bounded (`.{0,40}`) and nothing is repeated inside a repetition, so that each pattern takes
linear time on any text.
"""

from __future__ import annotations

from mixatlas.corpus.tasks.rule import any_of

ASKS_ALL = any_of(
    r"\b(?:detect|locate|find|identify|list|box|locali[sz]e|spot|mark|ground|segment|show|outline|"
    r"where are|give|provide|output|return|report|annotate|draw|point out)\b.{0,40}"
    r"\b(?:all|every|each|any)\b",
    r"\b(?:all|every|each) (?:of the )?(?:\w+ ){0,2}(?:objects?|instances?|items?|things|"
    r"categories)\b",
    r"\bobject detection\b",
    r"\b(?:detect|locate|list|find|identify)\b.{0,25}\bobjects\b",
    r"\bcategory names?\b|\bregion proposals\b|\bfollowing (?:categories|classes|objects|labels)\b",
    r"\bdetections?\b|\byolo\b|\bannotat(?:e|ions?)\b",
)
DETECT_COMMAND = any_of(r"^detect (?!(?:the|this|that|text|whether|if)\b)")
POINTS_AT = any_of(
    r"\b(?:point|click|tap|pinpoint|where is|where are|where should|locate|touch|press|location of|"
    r"icon|button)\b"
)
