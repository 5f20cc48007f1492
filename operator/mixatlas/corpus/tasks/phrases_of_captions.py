"""Ways to ask for a description: of the picture, of a region or of a part.

Gaps are bounded (`.{0,40}`) and nothing is repeated inside a repetition, so that each pattern takes
linear time on any text.
"""

from __future__ import annotations

from mixatlas.corpus.tasks.picture_words import CHART, PICTURE, THE_PICTURE
from mixatlas.corpus.tasks.rule import any_of

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
    rf"through|elaborate on|detail|discuss|explore|unpack|paint a picture of) {THE_PICTURE}",
    rf"\b(?:depict|illustrate|interpret|explain|clarify|analy[sz]e|examine|break down|walk (?:me )?"
    rf"through|elaborate on|detail|discuss|explore|unpack|tell me|share|list)\b.{{0,40}}"
    r"\b(?:aspects|contents?|elements|details|features|components|parts|visuals)\b.{0,20}"
    rf"\b(?:of|in|within|from) {THE_PICTURE}",
    rf"\b{_FORM}s? (?:\w+ )?(?:of|for|about|representing|to accompany|on) .{{0,40}}\b{PICTURE}\b",
    rf"\b(?:write|give|provide|create|generate|produce|offer|share|present|compose|craft|suggest|"
    rf"render|come up with|supply|formulate)\b.{{0,50}}\b{_FORM}\b",
    rf"\btell me (?:about|what(?:'s| is| you see)).{{0,20}}\b{PICTURE}\b",
    rf"\bwhat can you tell me about {THE_PICTURE}",
    r"^(?:please )?(?:describe|caption)(?: (?:it|this|everything|what you see|what is shown|this "
    r"for "
    r"me|in detail|concisely|briefly))?[.!:]?$",
    r"\bwhat does the (?:image|picture|photo) describe\b",
    r"^(?:\w+ ){0,4}(?:caption|description)(?: please)?\W{0,3}(?:please)?\W{0,3}$",
    r"^(?:an?|the|this) (?:image|photo|picture) (?:that shows|showing|shows|of)\W{0,3}$",
    r"\b(?:describe|tell me (?:all |more )?about) (?:it|this|that|them)\b",
    rf"\bwhat (?:story (?:does|is)|would you (?:title|call|caption)|title "
    rf"would)\b.{{0,30}}\b{PICTURE}\b",
    r"\b(?:narrate|tell me|describe|share|explain|say) what (?:you (?:see|notice)|is in it)\b",
    rf"^how (?:does|do) {THE_PICTURE} look\b",
    rf"\b{PICTURE}\b.{{0,60}}\b(?:alt[- ]?text|be titled|be captioned)\b",
    rf"\b{PICTURE} into (?:words|an? (?:descriptive|detailed|written|verbal))\b",
    rf"\b(?:descriptive|detailed) (?:paragraph|text|sentence|passage)\b.{{0,30}}\b{PICTURE}\b",
    rf"\b(?:title|headline|heading) for (?:\w+ )?{THE_PICTURE}",
    r"\b(?:transform|put|express|convey|tell)\b.{0,40}\b(?:see|observe|perceive|visual "
    r"elements)\b.{0,20}"
    rf"\b{PICTURE}\b",
    rf"\bexplain what (?:you see|is (?:shown|happening|going on|visible)).{{0,20}}\b{PICTURE}\b",
    r"(?:描述|介绍|说明).{0,20}(?:图|照片|画面)|(?:图|照片|画面).{0,10}(?:描述|介绍)",
)
CAPTION_NAMED = any_of(r"\b(?:captions?|descriptions?|summary|titles?|headline|alt[- ]?text)\b")
NO_CAPTION = any_of(
    r"^(?:why|who|when|where|which|how (?:many|much|well|long|far)|is|are|was|does|do|did|has)\b",
    r"\b(?:questions?|query|inquiry)\b",
)
DESCRIPTIVE = any_of(r"\b(?:descriptive|description|into (?:words|a \w+ paragraph))\b")
WHAT_IS_SHOWN = any_of(
    rf"\bwhat (?:does|do|did|is|are|can) {THE_PICTURE} ?(?:\w+ )?(?:show|depict|represent|portray|"
    r"illustrate|convey|describe|showing|contain|capture|trying|telling|about(?=\W{0,3}$))"
    r"\b(?! (?:as|for|about)\b)",
    rf"\bwhat (?:is|are) (?:\w+ )?(?:the |some )?(?:main |key |major |primary |most \w+ "
    rf")?(?:elements?|"
    rf"components?|contents?|features?|subjects?|details|theme|topic)\b.{{0,20}}"
    rf"\b(?:of|in|on|within|from) {THE_PICTURE}",
    rf"\bwhat(?:'s| is| are| do| can)?(?: be| you| we| i)?"
    rf"(?: think is| think's| believe is)? (?:\w+ )?(?:see|seen|shown|"
    rf"visible|"
    r"depicted|displayed|happening|going on|taking place|occurring|illustrated|captured|presented|"
    rf"observe|observed|in|the content of|the subject of|the theme of) ?(?:happening |going on )?"
    rf"(?:in|on|from|within|by)? ?{THE_PICTURE}",
    r"\bwhat do you see\b|\bwhat(?:'s| is) (?:happening|going on|shown)(?: here)?\??$",
)
# A word for what a picture as a whole has: to ask for it is to ask for a description.
_WHOLE = (
    r"(?:contents?|elements?|components?|aspects?|parts?|features?|details|stor(?:y|ies)|narrative|"
    r"focus|focal points?|themes?|subjects?(?: matter)?|context|events?|ideas?|concepts?|messages?|"
    r"meaning|essence|gist|crux|heart|points?|scenario|situation|moment|scene|happenings|process|"
    r"takeaways?|highlights?|attributes?|factors|things|action|statement|version|outline|"
    r"assessment|"
    r"purpose|objective|characters|objects and actions|objects? of interest|insights?|recap)"
)
_OF = r"(?:of|in|within|by|from|on|behind|about|into|through|to|at)"
_END = (
    r"(?=\W{0,3}$|[.,:;!?]|\s(?:with|using|in|briefly|concisely|quickly|please|as|to me|for me)\b)"
)
WHOLE_PICTURE = any_of(
    rf"\b{_WHOLE}\b.{{0,50}}\b{_OF} {THE_PICTURE}{_END}",
    rf"\b{PICTURE}'?s? {_WHOLE}{_END}",
    rf"\bwhat (?:\w+ ){{0,2}}{_WHOLE} .{{0,40}}\b{_OF} {THE_PICTURE}{_END}",
    rf"\bwhat (?:stands? out|(?:grabs|catches) your|do you (?:find|notice)|strikes you|(?:can|"
    rf"could) "
    rf"(?:you|we|be) (?:say|said|gather|deduce|find|spot|observe))\b.{{0,60}}\b{THE_PICTURE}{_END}",
    rf"\b{THE_PICTURE} (?:is )?(?:conveys?|shows?|showing|depicts?|depicting|all about|"
    rf"about){_END}",
    rf"\b(?:while|by) (?:explaining|describing)\b.{{0,40}}\b{PICTURE}\b",
    rf"\bwhat (?:is|'s) (?:this|the) {PICTURE}(?: of)?\?",
    r"这(?:张|幅).{0,12}(?:展示|显示|表现|传达|呈现|看到|发现|概括|包括|想表达|焦点|故事|标题|引人注目)"
    r"|概括.{0,10}(?:图|照片|画)|(?:画面|图片|图像|照片|画|作品).{0,8}(?:描绘|概括|呈现|传达|元素|说明|发现|看到|展示)",
)
# A sentence about the picture that the answer completes.
CAPTION_BEGUN = any_of(
    rf"^[^?\n]{{0,80}}\b(?:{PICTURE}|this visual representation)\b[^?\n]{{0,60}}:\s{{0,3}}$",
    rf"^[^?\n]{{0,60}}\b{PICTURE} (?:is|are|shows?|depicts?|features?|of|that shows|is captioned "
    rf"as)"
    r"\s{0,3}$",
)
WHAT_IS_THERE = any_of(CAPTION.pattern, WHAT_IS_SHOWN.pattern, WHOLE_PICTURE.pattern)
NAMES_THE_PICTURE = any_of(rf"\b(?:the|this|these|that|given|provided) (?:\w+ )?{PICTURE}\b")
ONE_FACT = any_of(
    r"\b(?:single word|word or phrase|option|suggests?|indicates?|evidence|tell us|infer)\b",
    NO_CAPTION.pattern,
)
CHART_MESSAGE = any_of(
    rf"\b(?:message|meaning|insights?|idea|takeaways?|conclusions?|main points?|key points|"
    rf"highlights?|story|significance)\b.{{0,60}}\b(?:this|the) (?:\w+ )?{CHART}",
    rf"\b(?:this|the) {CHART} (?:is )?(?:communicat|convey|try|tell)\w*\b",
)
DESCRIBE_A_PART = any_of(
    r"^(?:please |can you |could you |would you |kindly )*(?:describe|elaborate on|depict|give "
    r"details)\b",
    r"\b(?:describe|description of) (?:the|this|that|his|her|its|their|what|how)\b",
)
# What asks for one fact of a region rather than for a description of it.
FACT_OF_REGION = any_of(
    r"\b(?:who|whose|whom|why|when|where|which|how (?:many|much|old|long|far|tall|big|large|"
    r"often))\b",
    r"\bwhat (?:colou?r|kind|type|brand|number|time|shape|sport|animal|room|year|letter)\b",
    r"\bwhat (?!(?:is|are|was|does|do|did|can|could|information|details?|insights?|features?|"
    r"elements?|objects?|things?|sorts? of things|attributes?|\w+ features?)\b)\w+ "
    r"(?:is|are|was|were|does|do|did)\b",
    r"(?:^|[.,;:] )(?:is|are|was|were|does|do|did|has|have)\b",
    r"\b(?:doing|wearing|holding|made of|used for|purpose|function|material|colou?r|relationships?|"
    r"interaction|reason|brand|species|feeling|emotion|happen next)\b",
)
