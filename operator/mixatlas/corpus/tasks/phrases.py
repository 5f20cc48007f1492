"""Ways to ask: the patterns that the built-in rules look for, by what they ask.

Gaps are bounded (`.{0,40}`) and nothing is repeated inside a repetition, so that each pattern takes
linear time on any text.
"""

from __future__ import annotations

from mixatlas.corpus.tasks.rule import any_of

_DET = (
    r"(?:the|this|these|that|a|an|each|your|my|following|given|provided|presented|displayed|"
    r"attached|above|below|whole|entire|subsequent|input|current|shown|uploaded|single|two)"
)
PICTURE = (
    r"(?:images?|pictures?|photos?|photographs?|pics?|scenes?|snapshots?|screenshots?|screens?|"
    r"illustrations?|paintings?|drawings?|artworks?|visuals?|graphics?|figures?|diagrams?|charts?|"
    r"graphs?|plots?|infographics?|posters?|memes?|views?|frames?|maps?|ui|interface|web ?pages?|"
    r"web ?sites?|x-?rays?|scans?|documents?|sketch(?:es)?|logos?)"
)
_THE_PICTURE = rf"(?:{_DET} ){{0,3}}(?:\w+ )?{PICTURE}\b"
_CHART = r"(?:graphs?|charts?|plots?|figures?|diagrams?|infographics?|visuali[sz]ations?)"

# --- places -----------------------------------------------------------------------------------

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
ASKS_FOR_BOX = any_of(
    r"\bbounding[ -]?box|\bbbox|\bbox(?:es)? (?:coordinates?|around|for|of)\b",
    r"\b(?:coordinates?|location|position) of\b.{0,60}\b(?:in|on|within) (?:the|this) "
    rf"{PICTURE}",
)
DETECT_COMMAND = any_of(r"^detect (?!(?:the|this|that|text|whether|if)\b)")
POINTS_AT = any_of(
    r"\b(?:point|click|tap|pinpoint|where is|where are|where should|locate|touch|press|location of|"
    r"icon|button)\b"
)

# --- text in the image ------------------------------------------------------------------------

_READ = (
    r"\b(?:read|extract|recogni[sz]e|identify|detect|spot|list|provide|output|return|give|type|"
    r"write|"
    r"describe|mention|note|share|enumerate|report on|"
    r"copy|decode|digiti[sz]e|elucidate|uncover|reveal|show|print|decipher|report|tell|state|"
    r"reproduce|capture|what is|what's|what are)\b"
)
_EVERY = (
    r"(?:(?:me|out|down|up|back|all|any|every|each|of|the|this|that|these|those|visible|written|"
    r"handwritten|printed|rendered|readable|legible|plain|raw|exact|full|entire|main|complete|"
    r"contents?|natural|scene|english|chinese|discern[ia]ble|legible|clear|and|a|an|list|piece|"
    r"line|lines) "
    r"){0,7}"
)
_TEXT = (
    r"(?:texts?|words?|writing|handwriting|letters|inscriptions?|lettering|wording|characters in "
    r"(?:the|this) (?:text|line|word|image))\b"
)
_NOT_ABOUT_TEXT = (
    r"(?!,? (?:about|colou?rs?|language|size|fonts?|style|count|box(?:es)?|field|instrument|system|"
    r"utensil|tool|desk|that best|that rhymes|in (?:the|this) (?:passage|paragraph))\b)"
)
TRANSCRIBE = any_of(
    r"\btranscri(?:be|ption)\b",
    r"^ocr\b|\b(?:perform|run|do|apply|use) (?:an? )?ocr\b|\bocr (?:this|the|on|results?|output)\b",
    rf"{_READ} {_EVERY}{_TEXT}{_NOT_ABOUT_TEXT}",
    r"\bread (?:this|the|what(?:'s| is)) (?:\w+ ){0,2}(?:aloud|written|sign|label|page|line|"
    r"image)\b",
    r"\b(?:return|output|produce|provide|give)\b(?! (?:the |your )?answer).{0,40}"
    r"\b(?:plain|natural|raw) text\b",
    r"\btext (?:recognition|reading|extraction|spotting)\b",
    r"\bwhat(?:'s| is| are) the (?:\w+ ){1,3}text\b(?! (?:about|colou?r|size))",
    r"\b(?:type|write|copy|read) (?:out|down|up|aloud) .{0,20}\bcontents?\b",
    r"\bdigiti[sz]e (?:this|the)\b|^(?:the )?text (?:in|on) (?:the|this)\b",
    r"\b(?:full|complete|raw) ocr\b|\bocr of\b",
    r"\bparse (?:this|the) (?:\w+ )?(?:page|document|image|file|pdf|scan)\b",
    r"(?:识别|提取|读出|写出|转录).{0,15}(?:文字|文本|内容)|写(?:了|着|的是)什么",
)
WHAT_IS_WRITTEN = any_of(
    r"\bwhat (?:texts?|words?|letters?|writing|phrase|sentence|inscription) "
    r"(?:is|are|was|were|appears?|has been|can (?:you|be)|do you|does (?:the|this) "
    rf"{PICTURE}) (?:\w+ )?(?:written|printed|shown|displayed|visible|see|seen|read|on|in|appear|"
    r"here|there|present|contain|engraved|inscribed|spelled|rendered|handwritten|painted)\b",
    r"\bwhat (?:texts?|words?|letters) (?:appears?|shows?)\b",
    r"\bwhat (?:is|are) the \w+ (?:written|printed|engraved|inscribed)\b",
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

# --- choices and classes ----------------------------------------------------------------------

OPTIONS = any_of(
    r"\boption'?s? letter\b|\bletter of the (?:correct |right |best )?(?:option|choice|answer)\b",
    r"\banswer with (?:the|a|only the|just the) (?:letter|option|choice|number of the)",
    r"\b(?:choose|select|pick) (?:the|one|an?) (?:\w+ )?(?:option|answer|choice|letter)\b",
    r"\b(?:choices|options)\s?:\s",
    r"(?:^|[\s(])\(?A[.):]\)? ?[^\n]{1,200}\s\(?B[.):]\)? ?\S",
    r"\n\(?A[.):] ?[^\n]{1,200}\n\(?B[.):]",
)
CLASSIFY = any_of(
    r"\bclassif(?:y|ication)\b|\bcategori[sz]e\b",
    r"\b(?:what|which) (?:is the )?(?:\w+ )?(?:category|class|categories)\b(?! is taught)",
    r"\b(?:category|class) (?:does|of this|of the|for this|best|that)\b",
    r"\bbelongs? to (?:what|which)\b",
    r"\b(?:of|from|among) (?:these|the following|the given|the listed) (?:categories|classes|"
    r"labels|"
    r"types|species|genres|emotions)\b",
    r"\bpossible (?:classes|labels|categories)\b|\b(?:classes|categories|labels)\s?:",
    r"\b(?:correct|right|best|appropriate|single|suitable) (?:class )?label\b",
    r"\b(?:assign|give|pick|choose|predict)\b.{0,25}\b(?:label|class|category)\b",
    r"\blabel (?:for|of) (?:this|the) \w+|^label (?:this|the|with)\b",
    r"\bone of\s?:|\b(?:choose|select|pick) (?:the |a )?(?:\w+ )?from\s?:",
    r"\b(?:into|to|as) one of the (?:\w+ )?(?:classes|categories|labels)\b",
    r"\b(?:choose|select|pick)(?: one)? (?:from|among|of)\b(?! the (?:options|choices|answers))",
    r"\bwhat (?:kind|type) of (?:scene|document|chart|graph|plot|image|diagram) is (?:this|"
    r"shown)\b",
)
IS_THIS_A_OR_B = any_of(
    r"\bis (?:this|it|the (?:image|photo|picture|object|animal|scene|bird|plant|food|digit|sample|"
    r"main \w+))\b[^?\n]{1,80},[^?\n]{0,80}\bor\b",
    r"\bis (?:this|it) (?:a |an )(?:photo|image|picture) of\b[^?\n]{1,80}\bor\b",
)
SPECIES = any_of(
    r"\b(?:what|which|identify the|name the|recogni[sz]e the|determine the) (?:\w+ )?"
    r"(?:species|breed|genus|variety|make and model)\b",
    r"\b(?:species|breed) (?:is|of)\b",
)

# --- captions ---------------------------------------------------------------------------------

_FORM = (
    r"(?:description|caption|summary|explanation|interpretation|narrative|narration|depiction|"
    r"portrayal|rundown|overview|account|synopsis|breakdown|analysis|observation|impression|"
    r"alt[- ]?text|"
    r"characteri[sz]ation)"
)
CAPTION = any_of(
    rf"\b(?:describe|describing|caption|portray|narrate|characteri[sz]e|summari[sz]e|"
    rf"recap)\b.{{0,60}}"
    rf"\b{PICTURE}\b",
    rf"\b(?:depict|illustrate|interpret|explain|clarify|analy[sz]e|examine|break down|walk (?:me )?"
    rf"through|elaborate on|detail|discuss|explore|unpack|paint a picture of) {_THE_PICTURE}",
    rf"\b(?:depict|illustrate|interpret|explain|clarify|analy[sz]e|examine|break down|walk (?:me )?"
    rf"through|elaborate on|detail|discuss|explore|unpack|tell me|share|list)\b.{{0,40}}"
    r"\b(?:aspects|contents?|elements|details|features|components|parts|visuals)\b.{0,20}"
    rf"\b(?:of|in|within|from) {_THE_PICTURE}",
    rf"\b{_FORM}s? (?:\w+ )?(?:of|for|about|representing|to accompany|on) .{{0,40}}\b{PICTURE}\b",
    rf"\b(?:write|give|provide|create|generate|produce|offer|share|present|compose|craft|suggest|"
    rf"render|come up with|supply|formulate)\b.{{0,50}}\b{_FORM}\b",
    rf"\btell me (?:about|what(?:'s| is| you see)).{{0,20}}\b{PICTURE}\b",
    rf"\bwhat can you tell me about {_THE_PICTURE}",
    r"^(?:please )?(?:describe|caption)(?: (?:it|this|everything|what you see|what is shown|this "
    r"for "
    r"me|in detail|concisely|briefly))?[.!:]?$",
    r"\bwhat does the (?:image|picture|photo) describe\b",
    r"^(?:\w+ ){0,4}(?:caption|description)(?: please)?\W{0,3}(?:please)?\W{0,3}$",
    r"^(?:an?|the|this) (?:image|photo|picture) (?:that shows|showing|shows|of)\W{0,3}$",
    r"\bdescribe (?:it|this|that|them)\b",
    r"\b(?:narrate|tell me|describe|share|explain|say) what (?:you (?:see|notice)|is in it)\b",
    rf"^how (?:does|do) {_THE_PICTURE} look\b",
    rf"\b(?:descriptive|detailed) (?:paragraph|text|sentence|passage)\b.{{0,30}}\b{PICTURE}\b",
    rf"\b(?:title|headline|heading) for (?:\w+ )?{_THE_PICTURE}",
    r"\b(?:transform|put|express|convey|tell)\b.{0,40}\b(?:see|observe|perceive)\b.{0,20}"
    rf"\b{PICTURE}\b",
    rf"\bexplain what (?:you see|is (?:shown|happening|going on|visible)).{{0,20}}\b{PICTURE}\b",
    r"(?:描述|介绍|说明).{0,20}(?:图|照片|画面)|(?:图|照片|画面).{0,10}(?:描述|介绍)",
)
NO_CAPTION = any_of(
    r"^(?:why|who|when|where|which|how (?:many|much|well|long|far)|is|are|was|does|do|did|has)\b"
)
WHAT_IS_SHOWN = any_of(
    rf"\bwhat (?:does|do|did|is|are|can) {_THE_PICTURE} ?(?:\w+ )?(?:show|depict|represent|portray|"
    r"illustrate|convey|describe|showing|contain|capture|trying|telling|about(?=\W{0,3}$))"
    r"\b(?! (?:as|for|about)\b)",
    rf"\bwhat (?:is|are) (?:\w+ )?(?:the |some )?(?:main |key |major |primary |most \w+ "
    rf")?(?:elements?|"
    rf"components?|contents?|features?|subjects?|details|theme|topic)\b.{{0,20}}"
    rf"\b(?:of|in|on|within|from) {_THE_PICTURE}",
    rf"\bwhat(?:'s| is| are| do| can)?(?: be| you| we| i)?"
    rf"(?: think is| think's| believe is)? (?:\w+ )?(?:see|seen|shown|"
    rf"visible|"
    r"depicted|displayed|happening|going on|taking place|occurring|illustrated|captured|presented|"
    rf"observe|observed|in|the content of|the subject of|the theme of) ?(?:happening |going on )?"
    rf"(?:in|on|from|within|by)? ?{_THE_PICTURE}",
    r"\bwhat do you see\b|\bwhat(?:'s| is) (?:happening|going on|shown)(?: here)?\??$",
)
CHART_MESSAGE = any_of(
    rf"\b(?:message|meaning|insights?|idea|takeaways?|conclusions?|main points?|key points|"
    rf"highlights?|story|significance)\b.{{0,60}}\b(?:this|the) (?:\w+ )?{_CHART}",
    rf"\b(?:this|the) {_CHART} (?:is )?(?:communicat|convey|try|tell)\w*\b",
)
DESCRIBE_A_PART = any_of(
    r"^(?:please |can you |could you |would you |kindly )*(?:describe|elaborate on|depict|give "
    r"details)\b",
    r"\b(?:describe|description of) (?:the|this|that|his|her|its|their|what|how)\b",
)
DESCRIBE_REGION = any_of(
    r"\bdescri(?:be|ption|bing)\b|\bcaption\b|\bwhat(?:'s| is| do you see|can you see)? ?(?:\w+ )?"
    r"(?:in|inside|within|at|shown)\b|\bgive details\b|\btell me about\b|\bidentify\b|"
    r"\bwhat (?:does|is) (?:the|this) (?:region|area|box)\b|\bsummari[sz]e\b|\bcontents? of\b",
)

# --- questions --------------------------------------------------------------------------------

ANSWER_FORM = any_of(
    r"\b(?:single|one)[ -]word\b|\bword or (?:short )?phrase\b|\bshort phrase\b",
    r"\b(?:answer|respond|reply)\b.{0,20} (?:in|with|using) (?:one|a single|a few|few|\d|an? "
    r"(?:short|single|integer|number|word))\b",
    r"\byes or no\b|\btrue or false\b|\byes/no\b",
    r"\b(?:short|brief|concise|succinct|terse|quick|direct|precise|compact)\b.{0,25}"
    r"\b(?:answer|response|reply)\b",
    r"\b(?:answer|response|reply)\b.{0,20}\b(?:short|brief|briefly|concise|concisely|succinct|"
    r"terse|"
    r"brevity|to the point|directly)\b",
    r"\b(?:keep it|be|being) (?:very )?(?:short|brief|concise|succinct)\b|\bensure brevity\b",
    r"\b(?:answer|address|respond to) (?:the|this|my|following) (?:\w+ )?question\b",
)
YES_NO_ASKED = any_of(
    r"^(?:is|are|was|were|do|does|did|can|could|has|have|had|will|would|should|may|might|isn't|"
    r"aren't|"
    r"doesn't|am)\b",
    r"[.,:;!\n] ?(?:is|are|was|were|do|does|did|can|could|has|have|will|would|should)\b",
    r"\byes or no\b|\btrue or false\b|\byes/no\b|\btrue\?|\bcorrect\?|, right\?",
)
YES_NO_BARE = any_of(r"^\W{0,3}(?:answer: )?(?:yes|no|true|false|yeah|nope)\W{0,3}$")
YES_NO_FIRST = any_of(r"^(?:yes|no|true|false)\b[,.;:]? ")
ASKED = any_of(
    r"[?？]",
    r"(?:^|[.!,:;\n] ?)(?:what|which|who|whom|whose|when|where|why|how|is|are|was|were|do|does|did|"
    r"can|could|has|have|will|would|should|what's|who's|where's)\b",
    r"[吗呢]|什么|哪|几|谁|多少|为什么|怎么",
)
TOLD = any_of(
    r"(?:^|[.!:;,\n] ?)(?:please |kindly )?(?:count|name|identify|list|tell|explain|compare|find|"
    r"determine|calculate|compute|solve|estimate|state|give|provide|discuss|analy[sz]e|evaluate|"
    r"specify|"
    r"mention|point out|infer|predict|answer|based on|according to|using|select|choose|pick|"
    r"complete|"
    r"fill in|consider|suppose|look at|examine|observe|justify|elaborate|clarify|decide|guess|"
    r"prove)\b",
)
CREATIVE = any_of(
    r"\b(?:write|compose|create|craft|make up|tell|generate|draft|come up with|invent)\b"
    r".{0,40}\b(?:story|stories|poems?|haiku|songs?|lyrics|limerick|essay|blog|tweet|slogan|jokes?|"
    r"dialogue|recipe|e-?mail|advert\w{0,9}|script|review|conversation|prompt|post|instagram|"
    r"monologue|riddle|sonnet|screenplay)\b",
    r"\b(?:write|create|generate|come up with|ask|formulate|propose)\b.{0,25}\bquestions?\b(?! "
    r"answer)",
)
