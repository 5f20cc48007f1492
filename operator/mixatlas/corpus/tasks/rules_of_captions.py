"""Rules on descriptions: of a region, of the picture as a whole, of what it shows."""

from __future__ import annotations

from mixatlas.corpus.tasks import phrases_of_captions as captions
from mixatlas.corpus.tasks.rule import MAX_WORDS, Fact, Rule, any_of

MANY = MAX_WORDS + 1

CAPTIONS = (
    Rule(
        name="region-caption",
        task="caption",
        confidence=0.85,
        says="A box in the question, and nothing that asks for one fact of the region.",
        unless=captions.FACT_OF_REGION,
        needs=Fact.QUESTION_BOX | Fact.QUESTION,
    ),
    Rule(
        name="caption-template",
        task="caption",
        confidence=0.95,
        says="“Describe this image”, “write a caption”, “give a summary of the photo” …",
        question=captions.CAPTION,
        unless=captions.NO_CAPTION,
        lacks=Fact.QUESTION_BOX,
    ),
    Rule(
        name="what-is-shown",
        task="caption",
        confidence=0.8,
        says="“What is shown”, “what is happening in the image”, answered in 5 words or more.",
        question=captions.WHAT_IS_SHOWN,
        unless=any_of(r"\b(?:single word|word or phrase)\b"),
        words=(5, MANY),
        lacks=Fact.QUESTION_BOX,
    ),
    Rule(
        name="whole-picture",
        task="caption",
        confidence=0.8,
        says="The picture's content, story or focus is asked for, answered in 4 words or more.",
        question=captions.WHOLE_PICTURE,
        unless=captions.ONE_FACT,
        words=(4, MANY),
        lacks=Fact.QUESTION_BOX,
    ),
    Rule(
        name="caption-begun",
        task="caption",
        confidence=0.8,
        says="“The image shows”, “A photo of”, and 3 words or more that complete it.",
        question=captions.CAPTION_BEGUN,
        unless=captions.ONE_FACT,
        words=(3, MANY),
        lacks=Fact.QUESTION_BOX,
    ),
    Rule(
        name="chart-message",
        task="caption",
        confidence=0.7,
        says="The message or insight of a chart is asked for, answered in 12 words or more.",
        question=captions.CHART_MESSAGE,
        words=(12, MANY),
    ),
)
