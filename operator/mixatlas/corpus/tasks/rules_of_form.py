"""Rules on form: the prompt languages of models, and boxes in the answer."""

from __future__ import annotations

from mixatlas.corpus.tasks import phrases_of_captions as captions
from mixatlas.corpus.tasks import phrases_of_places as places
from mixatlas.corpus.tasks import phrases_of_reading as reading
from mixatlas.corpus.tasks.rule import MAX_WORDS, Fact, Rule, any_of

MANY = MAX_WORDS + 1

NO_IMAGE = (
    Rule(
        name="no-image",
        task="other",
        confidence=0.95,
        says="The sample has no image.",
        lacks=Fact.IMAGE,
    ),
)

PROMPT_LANGUAGES = (
    Rule(
        name="tag-caption",
        task="caption",
        confidence=0.98,
        says="A tag of Florence or MiniGPT: `<CAPTION>`, `<REGION_TO_DESCRIPTION>`, `[identify]` …",
        question=any_of(
            r"^<(?:more_)?(?:detailed_)?caption>",
            r"^<region_to_description>",
            r"^\[(?:caption|identify)\]",
        ),
    ),
    Rule(
        name="tag-ocr",
        task="ocr",
        confidence=0.98,
        says="A tag of Florence: `<OCR>`, `<OCR_WITH_REGION>`, `<REGION_TO_OCR>`; `QwenVL HTML`; a "
        "tag of Donut: `<s_cord-v2>`, `<s_synthdog>` …",
        question=any_of(
            r"^<(?:region_to_)?ocr(?:_with_region)?>",
            r"^qwenvl (?:html|markdown)$",
            r"^<s_(?!rvlcdip|docvqa)[\w-]{1,40}>",
        ),
    ),
    Rule(
        name="tag-detection",
        task="detection",
        confidence=0.98,
        says="A tag of Florence or MiniGPT: `<OD>`, `<DENSE_REGION_CAPTION>`, `[detection]` …",
        question=any_of(
            r"^<(?:od|dense_region_caption|region_proposal|open_vocabulary_detection)>",
            r"^\[detection\]",
        ),
    ),
    Rule(
        name="tag-grounding",
        task="grounding",
        confidence=0.98,
        says="A tag: `<CAPTION_TO_PHRASE_GROUNDING>`, `<REFERRING_EXPRESSION_SEGMENTATION>`, "
        "`[refer]`, `[grounding]`, `<grounding>`.",
        question=any_of(
            r"^<(?:caption_to_phrase_grounding|referring_expression_segmentation|"
            r"region_to_segmentation)>",
            r"^(?:\[(?:refer|grounding)\]|<\|?grounding\|?>)",
        ),
        unless=reading.READS_PAGE,
    ),
    Rule(
        name="tag-classification",
        task="classification",
        confidence=0.98,
        says="A tag of Florence or Donut: `<REGION_TO_CATEGORY>`, `<s_rvlcdip>`.",
        question=any_of(r"^<region_to_category>", r"^<s_rvlcdip>"),
    ),
    Rule(
        name="tag-vqa",
        task="vqa",
        confidence=0.98,
        says="A tag: `[vqa]`, `<VQA>`, `<DocVQA>`, `<s_docvqa>`.",
        question=any_of(r"^\[vqa\]", r"^<(?:s_)?(?:doc)?vqa>"),
    ),
    Rule(
        name="command-caption",
        task="caption",
        confidence=0.97,
        says="PaliGemma's `cap en`, `caption en`, `describe en`.",
        question=any_of(r"^(?:cap|caption|describe) [a-z]{2,3}(?:-[a-z]{2,4})?$"),
    ),
    Rule(
        name="command-ocr",
        task="ocr",
        confidence=0.97,
        says="PaliGemma's `ocr`.",
        question=any_of(r"^ocr$"),
    ),
    Rule(
        name="command-answer",
        task="vqa",
        confidence=0.97,
        says="PaliGemma's `answer en QUESTION`.",
        question=any_of(r"^answer [a-z]{2,3}(?:-[a-z]{2,4})? \w"),
    ),
    Rule(
        name="command-question",
        task="other",
        confidence=0.9,
        says="PaliGemma's `question en ANSWER`, which asks for a question.",
        question=any_of(r"^question [a-z]{2}(?:-[a-z]{2,4})? \w"),
    ),
    Rule(
        name="command-detect",
        task="detection",
        confidence=0.95,
        says="PaliGemma's `detect NAME ; NAME`.",
        question=places.DETECT_COMMAND,
        lacks=Fact.QUESTION_BOX,
    ),
    Rule(
        name="command-segment",
        task="grounding",
        confidence=0.95,
        says="PaliGemma's `segment NAME`.",
        question=any_of(r"^segment \w"),
    ),
)

BOXES_IN_THE_ANSWER = (
    Rule(
        name="document-tags",
        task="ocr",
        confidence=0.92,
        says="The answer is a page in DocTags (`<doctag>`, `<otsl>` …), or HTML with a box a line.",
        answer=reading.DOCUMENT_TAGS,
    ),
    Rule(
        name="text-with-boxes",
        task="ocr",
        confidence=0.9,
        says="Boxes in the answer, and the question asks to read text.",
        question=reading.READS_PAGE,
        needs=Fact.ANSWER_BOX,
    ),
    Rule(
        name="transcriptions-with-boxes",
        task="ocr",
        confidence=0.9,
        says="Boxes in the answer, beside JSON keys such as `text_content`.",
        answer=any_of(r"[\"'](?:text_content|text|transcription|ocr)[\"']\s{0,3}:"),
        needs=Fact.ANSWER_BOX,
    ),
    Rule(
        name="caption-with-boxes",
        task="grounding",
        confidence=0.8,
        says="Boxes in the answer, and the question asks for a caption: its phrases are grounded.",
        question=captions.CAPTION,
        unless=places.ASKS_ALL,
        needs=Fact.ANSWER_BOX,
    ),
    Rule(
        name="caption-told-with-boxes",
        task="grounding",
        confidence=0.8,
        says="Boxes in an answer of whole sentences, and the question asks what is shown.",
        question=captions.WHAT_IS_THERE,
        needs=Fact.ANSWER_BOX | Fact.BOXES_IN_PROSE,
    ),
    Rule(
        name="boxes-of-what-is-told",
        task="grounding",
        confidence=0.85,
        says="Boxes in the answer, and the question asks for those of what is mentioned or told.",
        question=places.BOXES_OF_WHAT_IS_TOLD,
        unless=places.OF_NAMED_CLASSES,
        needs=Fact.ANSWER_BOX,
    ),
    Rule(
        name="all-objects",
        task="detection",
        confidence=0.95,
        says="Boxes in the answer, and the question asks for all objects or for named classes.",
        question=places.ASKS_ALL,
        needs=Fact.ANSWER_BOX,
    ),
    Rule(
        name="boxes-in-prose",
        task="grounding",
        confidence=0.65,
        says="Boxes in an answer of whole sentences.",
        needs=Fact.ANSWER_BOX | Fact.BOXES_IN_PROSE,
    ),
    Rule(
        name="labelled-boxes",
        task="detection",
        confidence=0.9,
        says="Several boxes in the answer, each with a name.",
        needs=Fact.LABELLED_BOXES,
    ),
    Rule(
        name="boxes-of-a-phrase",
        task="grounding",
        confidence=0.75,
        says="Several boxes in the answer without names: all of what the question refers to.",
        needs=Fact.SEVERAL_BOXES,
    ),
    Rule(
        name="one-box",
        task="grounding",
        confidence=0.95,
        says="One box in the answer.",
        needs=Fact.ANSWER_BOX,
    ),
    Rule(
        name="points",
        task="grounding",
        confidence=0.85,
        says="The answer is points (`<point …>`), a click, or a mask in tokens.",
        answer=any_of(
            r"<points?\b",
            r"<\|?point",
            r"\b(?:click|tap|move_?to)\w{0,8}\(",
            r"<seg\d{3}>",
            r"\[SEG\]",
            r"[\"']point(?:_2d)?[\"']\s?:",
        ),
    ),
    Rule(
        name="point-asked",
        task="grounding",
        confidence=0.8,
        says="The answer is one pair of numbers, and the question asks to point or where.",
        question=places.POINTS_AT,
        answer=any_of(
            r"^[\[(]{1,2}\s?-?\d{1,5}(?:\.\d{1,9})?\s?,\s?-?\d{1,5}(?:\.\d{1,9})?\s?[\])]{1,2}\.?$"
        ),
    ),
    Rule(
        name="no-box-for-objects",
        task="detection",
        confidence=0.6,
        says="The question asks for the boxes of all objects, and the answer has none.",
        question=any_of(r"\b(?:bounding[ -]?box|bbox|object detection|boxes)"),
        unless=any_of(r"\bhow many\b"),
        needs=Fact.QUESTION,
        lacks=Fact.QUESTION_BOX,
        answer=any_of(r"^(?:\[\]|none|no |there (?:is|are) no|not )", r"\[\]"),
    ),
)
