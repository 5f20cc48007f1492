"""Ways to ask: choices, classes and other questions.

Gaps are bounded (`.{0,40}`) and nothing is repeated inside a repetition, so that each pattern takes
linear time on any text.
"""

from __future__ import annotations

from mixatlas.corpus.tasks.rule import any_of

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
    r"\b(?:what|which) (?:\w+ )?labels?\b.{0,20}\b(?:assign|give|describes?|represents?|fits?|"
    r"suits?)\b",
    r"\bpossible (?:classes|labels|categories)\b|\b(?:classes|categories|labels)\s?:",
    r"\b(?:correct|right|best|appropriate|single|suitable) (?:class )?label\b",
    r"\b(?:assign|give|pick|choose|predict)\b.{0,25}\b(?:label|class|category)\b",
    r"\blabel (?:for|of) (?:this|the) (?!\w+ (?:bar|line|slice|axis)|bar|line|slice|axis|x|y|"
    r"first|last|second|third)\w+|^label (?:this|the|with)\b",
    r"\bone of\s?:|\b(?:choose|select|pick) (?:the |a )?(?:\w+ )?from\s?:",
    r"\b(?:into|to|as) one of the (?:\w+ )?(?:classes|categories|labels)\b",
    r"\b(?:choose|select|pick)(?: one)? (?:from|among|of)\b(?! the (?:options|choices|answers))",
    r"\bwhat (?:kind|type) of (?:scene|document|chart|graph|plot|image|diagram) is (?:this|"
    r"shown)\b",
)
_WHAT_IT_IS = r"(?:object|subject|item|thing|entity|animal|focus|scene|setting|place)s?"
MAIN_THING = any_of(
    r"\bwhat is (?:this|the image|the picture|it) an? (?:photo|picture|image) of\b",
    r"\b(?:main|primary|central|key|dominant|most (?:prominent|striking|salient|important)|"
    r"pictured) "
    rf"{_WHAT_IT_IS}\b",
    rf"\b(?:what (?:type|kind|sort) of {_WHAT_IT_IS} is|(?:identify|name|recogni[sz]e|tag|label) "
    rf"the "
    rf"{_WHAT_IT_IS}) (?:that is |shown |depicted |seen |most |pictured )*(?:in|of|by) (?:this|"
    rf"the) "
    r"(?:image|picture|photo|photograph)\b",
    r"\b(?:object|thing|item) that is (?:the )?most \w+",
)
FACT_OF_THING = any_of(
    r"\b(?:colou?r|how (?:many|much|old)|where|when|why|doing|wearing|holding|made of|material|"
    r"shape|"
    r"size|next to|left|right|behind|front)\b"
)
IS_THIS_A_OR_B = any_of(
    r"\bis (?:this|it|the (?:image|photo|picture|object|animal|scene|bird|plant|food|digit|sample|"
    r"main \w+))\b[^?\n]{1,80},[^?\n]{0,80}\bor\b",
    r"\bis (?:this|it) (?:a |an )(?:photo|image|picture) of\b[^?\n]{1,80}\bor\b",
)
SPECIES = any_of(
    r"\b(?:what|which|identify the|name the|recogni[sz]e the|determine the) (?:\w+ )?"
    r"(?:species|breed|genus|variety|crop|disease|make and model)\b",
    r"\b(?:species|breed) (?:is|of)\b|\bscientific name\b",
)

ANSWER_FORM = any_of(
    r"\b(?:single|one)[ -]word\b|\bword or (?:short )?phrase\b|\bshort phrase\b",
    r"\b(?:answer|respond|reply)\b.{0,20} (?:in|with|using) (?:one|a single|a few|few|\d|an? "
    r"(?:short|single|integer|number|word))\b",
    r"\byes or no\b|\btrue or false\b|\byes/no\b",
    r"\b(?:short|brief|concise|succinct|terse|quick|direct|precise|compact)\b.{0,25}"
    r"\b(?:answer|response|reply)\b",
    r"\b(?:answer|response|reply)\b.{0,20}\b(?:short|brief|briefly|concise|concisely|compact|"
    r"succinct|"
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
    r"(?:^|[.!:;,\n] ?)(?:please |kindly )?(?:count|name|identify|describe|list|tell|explain|"
    r"compare|find|determine|calculate|compute|solve|estimate|state|give|provide|discuss|"
    r"analy[sz]e|evaluate|"
    r"specify|"
    r"mention|point out|infer|predict|answer|based on|according to|using|select|choose|pick|"
    r"complete|"
    r"fill in|consider|suppose|look at|examine|observe|justify|elaborate|clarify|decide|guess|"
    r"prove)\b",
)
CREATIVE = any_of(
    r"\b(?:write|compose|create|craft|make up|tell|generate|draft|come up with|invent|turn)\b"
    r".{0,40}\b(?:story|stories|tale|poems?|haiku|songs?|lyrics|limerick|essay|blog|tweet|slogan|"
    r"jokes?|"
    r"dialogue|recipe|e-?mail|advert\w{0,9}|script|review|conversation|prompt|post|instagram|"
    r"monologue|riddle|sonnet|screenplay)\b",
)
ASKS_FOR_QUESTION = any_of(
    r"\b(?:write|create|generate|come up with|ask|formulate|propose|craft|compose|pose|provide|"
    r"make)\b "
    r"(?:an? |one |two |three |four |five |some |\d{1,2} |the )?(?:\w+ )?questions?\b(?! answer)",
)
