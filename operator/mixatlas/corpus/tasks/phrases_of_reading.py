"""Ways to ask for what is written, and for markup or code in place of the picture.

Gaps are bounded (`.{0,40}`) and nothing is repeated inside a repetition, so that each pattern takes
linear time on any text.
"""

from __future__ import annotations

from mixatlas.corpus.tasks.picture_words import PICTURE
from mixatlas.corpus.tasks.rule import any_of

_READ = (
    r"\b(?:read|extract|recogni[sz]e|identify|detect|spot|list|provide|output|return|give|type|"
    r"write|"
    r"describe|mention|note|share|enumerate|report on|"
    r"copy|decode|display|pull|get|restore|recover|digiti[sz]e|elucidate|uncover|reveal|show|print|"
    r"decipher|report|tell|state|"
    r"reproduce|capture|what is|what's|what are)\b"
)
_EVERY = (
    r"(?:(?:me|out|down|up|back|all|any|every|each|of|the|this|that|these|those|visible|written|"
    r"handwritten|printed|rendered|readable|legible|plain|raw|exact|full|entire|main|complete|"
    r"contents?|natural|scene|only|decipherable|english|chinese|discern[ia]ble|legible|clear|and|"
    r"a|an|list|piece|"
    r"line|lines) "
    r"){0,7}"
)
_TEXT = (
    r"(?:textual (?:information|contents?)|(?:visible|legible|readable|printed) characters|"
    r"texts?|words?|writing|handwriting|letters|"
    r"inscriptions?|lettering|wording|characters in "
    r"(?:the|this) (?:text|line|word|image))\b"
)
_NOT_ABOUT_TEXT = (
    r"(?!,? (?:about|colou?rs?|language|size|fonts?|style|count|box(?:es)?|field|instrument|system|"
    r"utensil|tool|desk|that best|that rhymes|in (?:the|this) (?:passage|paragraph))\b)"
)
TRANSCRIBE = any_of(
    r"\btranscri(?:be|ption)\b",
    r"\boptical character recognition\b|\bocr (?:agent|tool|engine|model|system)\b",
    r"^(?:\w+ )?ocr\W{0,3}$|^ocr\b|\b(?:perform|run|do|apply|use) (?:an? )?ocr\b|\bocr (?:this|"
    r"the|on|results?|output)\b",
    rf"{_READ} {_EVERY}{_TEXT}{_NOT_ABOUT_TEXT}",
    r"\bread (?:this|the|what(?:'s| is)) (?:\w+ ){0,2}(?:aloud|written|sign|label|page|line|"
    r"image)\b",
    r"\b(?:return|output|produce|provide|give)\b(?! (?:the |your )?answer).{0,40}"
    r"\b(?:plain|natural|raw) text\b",
    r"\btext (?:recognition|reading|extraction|spotting)\b",
    r"\bwhat(?:'s| is| are) the (?:\w+ ){1,3}texts?\b(?! (?:about|colou?r|size))",
    r"\b(?:type|write|copy|read) (?:out|down|up|aloud) .{0,20}\bcontents?\b",
    r"\bdigiti[sz]e (?:this|the)\b|^(?:the )?text (?:in|on) (?:the|this)\b",
    r"\b(?:full|complete|raw) ocr\b|\bocr of\b",
    r"\bparse (?:this|the) (?:\w+ )?(?:page|document|image|file|pdf|scan|figure|receipt)\b",
    r"^(?:please )?(?:can you )?read (?:out )?(?:the|this) \w+\W{0,3}$",
    r"\bwhat (?:is|are) the (?:numbers?|digits?|characters?|letters?) (?:shown |written )?in "
    r"(?:the|this) "
    r"(?:image|picture)\b",
    r"\bconvert\b.{0,30}\b(?:in)?to (?:\w+ )?text\b",
    r"(?:识别|提取|读出|写出|转录).{0,15}(?:文字|文本|内容)|写(?:了|着|的是)什么",
)
WHAT_IS_WRITTEN = any_of(
    r"\bwhat (?:texts?|words?|letters?|writing|phrase|sentence|inscription) "
    r"(?:is|are|was|were|appears?|has been|can (?:you|be)|do you|does (?:the|this) "
    rf"{PICTURE}) (?:\w+ )?(?:written|printed|shown|displayed|visible|see|seen|read|on|in|appear|"
    r"here|there|present|contain|engraved|inscribed|spelled|rendered|handwritten|painted)\b",
    r"\bwhat (?:texts?|words?|letters) (?:appears?|shows?)\b",
    r"\bwhat (?:is|are) the (?!year|date|price|number|time|amount|total)\w+ "
    r"(?:written|printed|engraved|inscribed)\b",
    r"\bwhat (?:name|message|title|number)s? (?:is|are|was|were) (?:\w+ )?(?:written|printed|"
    r"engraved|"
    r"inscribed|painted|spelled)\b",
    r"\bwhat(?:'s| is| are| was| has been| does it| do they)(?: all)? (?:being )?"
    r"(?:written|printed|inscribed|engraved|spelled|handwritten|scribbled|spray-?painted)\b",
    r"\bwhat (?:do|does|did)\b.{0,50}(?<!\bto )(?<!\bpeople )\b(?:say|read|spell)\b(?! about| to )",
    r"\bwhat(?:'s| is) (?:it|this|the \w+) (?:saying|reading)\b",
    r"\bwhat (?:the|this|that|it) ?(?:\w+ ){0,4}(?:says|reads|spells)\b(?! about)",
)
NOT_READING = any_of(
    r"\bdescribe the (?:image|picture|photo)\b",
    r"\b(?:clocks?|watch|thermometer|scales?|meter|speedometer|gauge|charts?|graphs?|data|tables?|"
    r"passage|article|time|author|report|study|survey|man|woman|person|people)\b",
)
TO_MARKUP = any_of(
    r"\b(?:convert|translate|turn|render|rewrite|transform|parse|export|reconstruct|format|write|"
    r"reproduce|generate|"
    r"output|express|represent|return|give|provide|extract|typeset|what is|show)\b.{0,80}"
    r"\b(?:markdown|latex|doctags?|docling|csv|mathml|otsl|html table)\b",
    r"\b(?:markdown|latex) (?:code|format|version|source|markup|representation|equivalent)\b",
    r"\b(?:convert|parse|extract|transform|turn)\b.{0,60}\b(?:json|xml|yaml|key-value)\b",
    r"\b(?:convert|translate|write|generate|represent|parse|"
    r"render)\b.{0,40}\btable\b.{0,30}\bhtml\b",
    r"\b(?:underlying|raw|source)? ?data table\b|\bchart to table\b",
    r"\b(?:convert|turn|transform|translate)\b.{0,40}\b(?:to|into) (?:an? |the )?(?:\w+ )?table\b",
    r"\bkey information extraction\b|\b(?:extract|pull|parse)\b.{0,40}\b(?:fields|entities|key "
    r"information|key-value|line items|details from)\b",
    r"\bextract\b.{0,80}\bfrom (?:this|the|a|each) (?:\w+ )?(?:receipt|invoice|form|bill|ticket|"
    r"letter|"
    r"card|label|menu|page|document)\b",
)
# What is read off a page with its places: the text is what is asked for, not the boxes.
READS_PAGE = any_of(
    TRANSCRIBE.pattern,
    r"\b(?:detect|identify|extract|find|locate|spot|list|recogni[sz]e|output)\b.{0,60}"
    r"\b(?:texts|characters|words|lines of text)\b",
    r"\b(?:convert|parse|translate|turn)\b.{0,60}\b(?:markdown|latex|doctags?|docling|otsl|html)\b",
)
DOCUMENT_TAGS = any_of(
    r"^<(?:doctag|formula|otsl|chart|code|picture|list_item|section_header_level_\d|page_header|"
    r"text)>",
    r"\bdata-bbox=",
)
SOLVES = any_of(r"\b(?:solve|calculate|compute|evaluate|prove|simplify|step by step)\b")
MARKUP_ANSWER = any_of(
    r"^(?:```\w*\s*)?(?:\\begin\{|\\\[|\$\$|<doctag>|<table\b|"
    r"\|[^|\n]{1,80}\|[^|\n]{1,80}\||#{1,4} \S)"
)
PICTURE_TO_CODE = any_of(
    r"\b(?:write|generate|create|produce|outline|synthesi[sz]e|translate|assemble|convert|develop|"
    r"provide|formulate|design|craft|code|compose|illustrate|render|recreate|reproduce|turn|build|"
    r"give|convey|transform|replicate|implement)\b.{0,60}"
    r"\b(?:html|css|tikz|svg|javascript|react|tailwind|matplotlib|web ?page code|source code|"
    r"python code|python script|latex code (?:that|to) draw)\b"
)
CODE_ANSWER = any_of(
    r"^(?:```\w*\s*)?(?:<!doctype html|<html\b|<svg\b|\\documentclass.{0,40}\{standalone\}|"
    r"\\begin\{tikzpicture\}|import matplotlib)"
)
