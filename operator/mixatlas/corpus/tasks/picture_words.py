"""What a picture is called in a question; shared by the phrases."""

from __future__ import annotations

DETERMINER = (
    r"(?:the|this|these|that|a|an|each|your|my|following|given|provided|presented|displayed|"
    r"attached|above|below|whole|entire|subsequent|input|current|shown|uploaded|single|two)"
)
PICTURE = (
    r"(?:images?|pictures?|photos?|photographs?|pics?|scenes?|snapshots?|screenshots?|screens?|"
    r"illustrations?|paintings?|drawings?|artworks?|visuals?|graphics?|figures?|diagrams?|charts?|"
    r"graphs?|plots?|infographics?|posters?|memes?|views?|frames?|maps?|ui|interface|web ?pages?|"
    r"web ?sites?|x-?rays?|scans?|documents?|sketch(?:es)?|logos?|visuali[sz]ations?)"
)
THE_PICTURE = rf"(?:{DETERMINER} ){{0,3}}(?:\w+ )?{PICTURE}\b"
CHART = r"(?:graphs?|charts?|plots?|figures?|diagrams?|infographics?|visuali[sz]ations?)"
