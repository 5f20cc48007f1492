"""Rules on words: what fixes the answer, what the question asks for, and other questions."""

from __future__ import annotations

from mixatlas.corpus.tasks import phrases
from mixatlas.corpus.tasks import phrases_of_captions as captions
from mixatlas.corpus.tasks import phrases_of_reading as reading
from mixatlas.corpus.tasks.rule import MAX_WORDS, Fact, Rule, any_of

MANY = MAX_WORDS + 1

FORM_OF_THE_ANSWER = (
    Rule(
        name="multiple-choice",
        task="vqa",
        confidence=0.95,
        says="Options with letters, or “answer with the option's letter”.",
        question=phrases.OPTIONS,
    ),
    Rule(
        name="yes-no",
        task="vqa",
        confidence=0.95,
        says="The answer is a bare yes, no, true or false, and the question asks for one.",
        question=phrases.YES_NO_ASKED,
        answer=phrases.YES_NO_BARE,
    ),
    Rule(
        name="caption-with-ocr-tokens",
        task="caption",
        confidence=0.95,
        says="A caption is asked for, and OCR tokens are given (TextCaps in LLaVA).",
        question=captions.CAPTION,
        needs=Fact.OCR_TOKENS,
    ),
    Rule(
        name="ocr-tokens",
        task="vqa",
        confidence=0.95,
        says="OCR tokens are given with the question (TextVQA in LLaVA).",
        needs=Fact.OCR_TOKENS,
    ),
)

READING = (
    Rule(
        name="picture-to-code",
        task="other",
        confidence=0.85,
        says="Code that draws the image is asked for: HTML of a screenshot, TikZ of a figure.",
        question=reading.PICTURE_TO_CODE,
        unless=any_of(r"\btable\b"),
        words=(5, MANY),
    ),
    Rule(
        name="code-answer",
        task="other",
        confidence=0.85,
        says="The answer is an HTML page, SVG or TikZ.",
        answer=reading.CODE_ANSWER,
    ),
    Rule(
        name="to-markup",
        task="ocr",
        confidence=0.9,
        says="The page, table or formula is asked for as Markdown, LaTeX, CSV, JSON …",
        question=reading.TO_MARKUP,
        unless=reading.SOLVES,
    ),
    Rule(
        name="transcribe",
        task="ocr",
        confidence=0.93,
        says="“Transcribe”, “read the text”, “OCR this”, “what is the text”.",
        question=reading.TRANSCRIBE,
        unless=captions.DESCRIPTIVE,
    ),
    Rule(
        name="what-is-written",
        task="ocr",
        confidence=0.88,
        says="“What is written …”, “what does the sign say”; not of clocks, charts or people, nor "
        "with a word on the answer's form.",
        question=reading.WHAT_IS_WRITTEN,
        unless=any_of(reading.NOT_READING.pattern, phrases.ANSWER_FORM.pattern),
    ),
    Rule(
        name="markup-answer",
        task="ocr",
        confidence=0.75,
        says="No question, and the answer begins as Markdown, LaTeX or a table.",
        answer=reading.MARKUP_ANSWER,
        lacks=Fact.QUESTION,
    ),
)

CLASSES = (
    Rule(
        name="classify",
        task="classification",
        confidence=0.9,
        says="“Classify”, “what category”, a list of classes or labels to choose from.",
        question=phrases.CLASSIFY,
        words=(0, 30),
    ),
    Rule(
        name="main-thing",
        task="classification",
        confidence=0.7,
        says="“What is this a photo of?”, “name the main object”, answered in 4 words or fewer.",
        question=phrases.MAIN_THING,
        unless=phrases.FACT_OF_THING,
        words=(1, 4),
    ),
    Rule(
        name="is-this-a-or-b",
        task="classification",
        confidence=0.85,
        says="“Is this an A, B or C?”",
        question=phrases.IS_THIS_A_OR_B,
        words=(0, 12),
    ),
)

WRITING = (
    Rule(
        name="asked-for-a-question",
        task="other",
        confidence=0.85,
        says="A question about the picture is asked for, and given.",
        question=phrases.ASKS_FOR_QUESTION,
        answer=any_of(r"[?？]"),
    ),
    Rule(
        name="creative-writing",
        task="other",
        confidence=0.8,
        says="A story, a poem, a post or a prompt is to be written.",
        question=phrases.CREATIVE,
        unless=captions.CAPTION_NAMED,
        words=(6, MANY),
    ),
)

QUESTIONS = (
    Rule(
        name="region-question",
        task="vqa",
        confidence=0.8,
        says="A box in the question, and text in the answer.",
        needs=Fact.QUESTION_BOX,
    ),
    Rule(
        name="answer-form",
        task="vqa",
        confidence=0.95,
        says="“Answer with a single word or phrase”, “give a short answer” …",
        question=phrases.ANSWER_FORM,
    ),
    Rule(
        name="species",
        task="classification",
        confidence=0.65,
        says="The species, breed or model is asked for, without a word on the answer's form.",
        question=phrases.SPECIES,
        words=(0, 12),
    ),
    Rule(
        name="yes-no-explained",
        task="vqa",
        confidence=0.85,
        says="The answer begins with yes or no, and the question asks for one.",
        question=phrases.YES_NO_ASKED,
        answer=phrases.YES_NO_FIRST,
    ),
    Rule(
        name="describe-a-part",
        task="caption",
        confidence=0.6,
        says="“Describe the man's clothes”, answered in 6 words or more.",
        question=captions.DESCRIBE_A_PART,
        unless=any_of(r"\b(?:relation\w*|differences?|similarit\w+|purpose|reason|role)\b"),
        words=(6, MANY),
    ),
    Rule(
        name="short-answer",
        task="vqa",
        confidence=0.88,
        says="A question, answered in 6 words or fewer.",
        question=phrases.ASKED,
        words=(1, 6),
    ),
    Rule(
        name="question",
        task="vqa",
        confidence=0.7,
        says="Any other question.",
        question=phrases.ASKED,
    ),
    Rule(
        name="instruction",
        task="vqa",
        confidence=0.6,
        says="“Count”, “name”, “find”, “explain”, “solve” …",
        question=phrases.TOLD,
    ),
    Rule(
        name="about-the-picture",
        task="caption",
        confidence=0.55,
        says="Anything else that is said of the picture, answered in 5 words or more.",
        question=captions.NAMES_THE_PICTURE,
        words=(5, MANY),
        lacks=Fact.QUESTION_BOX,
    ),
    Rule(
        name="completion",
        task="vqa",
        confidence=0.5,
        says="Anything else that is asked, answered in 3 words or fewer.",
        words=(1, 3),
        needs=Fact.QUESTION,
    ),
    Rule(
        name="bare-caption",
        task="caption",
        confidence=0.7,
        says="No question, and 4 words or more: an image with its caption.",
        words=(4, MANY),
        lacks=Fact.QUESTION,
    ),
)
