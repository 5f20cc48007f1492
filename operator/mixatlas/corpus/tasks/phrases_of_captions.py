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
    r"\bdescribe (?:it|this|that|them)\b",
    r"\b(?:narrate|tell me|describe|share|explain|say) what (?:you (?:see|notice)|is in it)\b",
    rf"^how (?:does|do) {THE_PICTURE} look\b",
    rf"\b(?:descriptive|detailed) (?:paragraph|text|sentence|passage)\b.{{0,30}}\b{PICTURE}\b",
    rf"\b(?:title|headline|heading) for (?:\w+ )?{THE_PICTURE}",
    r"\b(?:transform|put|express|convey|tell)\b.{0,40}\b(?:see|observe|perceive)\b.{0,20}"
    rf"\b{PICTURE}\b",
    rf"\bexplain what (?:you see|is (?:shown|happening|going on|visible)).{{0,20}}\b{PICTURE}\b",
    r"(?:描述|介绍|说明).{0,20}(?:图|照片|画面)|(?:图|照片|画面).{0,10}(?:描述|介绍)",
)
NO_CAPTION = any_of(
    r"^(?:why|who|when|where|which|how (?:many|much|well|long|far)|is|are|was|does|do|did|has)\b"
)
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
DESCRIBE_REGION = any_of(
    r"\bdescri(?:be|ption|bing)\b|\bcaption\b|\bwhat(?:'s| is| do you see|can you see)? ?(?:\w+ )?"
    r"(?:in|inside|within|at|shown)\b|\bgive details\b|\btell me about\b|\bidentify\b|"
    r"\bwhat (?:does|is) (?:the|this) (?:region|area|box)\b|\bsummari[sz]e\b|\bcontents? of\b",
)
