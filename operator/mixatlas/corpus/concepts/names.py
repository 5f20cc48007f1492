"""Names for clusters: the word of a vocabulary that sets each apart from the others."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

VOCABULARY = (
    *("a person", "a face", "a crowd", "a child", "sports", "clothing", "a performance"),
    *("an animal", "a bird", "a dog", "a cat", "an insect", "a fish", "a plant", "a flower"),
    *("food", "a drink", "a vegetable", "a kitchen", "furniture", "a room", "a bathroom"),
    *("a street", "a building", "a city", "a vehicle", "a train", "an airplane", "a boat"),
    *("a landscape", "the sea", "the sky", "snow", "a forest", "a sports field", "a toy"),
    *("a tool", "an electronic device", "a machine", "a product", "a package", "a sign"),
    *("a document", "a form", "a receipt", "a letter", "a book page", "a book cover", "a table"),
    *("a slide", "a poster", "a newspaper", "a menu", "a label", "handwriting", "typed text"),
    *("a chart", "a bar chart", "a line chart", "a pie chart", "a scatter plot", "a map"),
    *("a diagram", "a flow chart", "an infographic", "a geometry figure", "a formula"),
    *("a circuit diagram", "a molecule", "a medical scan", "a microscope image", "an x-ray"),
    *("a satellite image", "an aerial photo", "a floor plan", "a blueprint", "music notation"),
    *("a screenshot", "a web page", "an app", "an icon", "a logo", "an emoji", "a game scene"),
    *("a drawing", "a painting", "a cartoon", "a comic", "a sculpture", "a meme", "a pattern"),
    *("a rendered scene", "a geometric shape", "an abstract image", "a science figure"),
)
_ARTICLE = re.compile(r"^(an?|the)\s+", re.IGNORECASE)
_LONGEST = 30


def name_clusters(
    C_kd: NDArray[np.float32], words: Sequence[str], W_vd: NDArray[np.float32]
) -> list[str]:
    """Name clusters, no two alike.

    A word's similarity is taken relative to its mean over the clusters: images lie far from all
    texts, and some words near to every image. One assignment (Kuhn, 1955) maximises the sum, so
    that two clusters never share a word.

    Args:
        C_kd: Unit vectors of k clusters.
        words: v words or phrases.
        W_vd: Their unit vectors.

    Returns:
        k names as the manifest takes them. Where words run out, `concept-1`, `concept-2`, ….
    """
    slugs = [slug(word) for word in words]
    first = {name: index for index, name in reversed(list(enumerate(slugs))) if name}
    usable = sorted(first.values())
    S_kv = C_kd @ W_vd[usable].T
    S_kv = S_kv - S_kv.mean(axis=0, keepdims=True)
    clusters, chosen = linear_sum_assignment(S_kv, maximize=True)
    named = {int(c): slugs[usable[int(w)]] for c, w in zip(clusters, chosen, strict=True)}
    return [named.get(index, f"concept-{index + 1}") for index in range(len(C_kd))]


def slug(word: str) -> str:
    """Return a phrase as a concept's name: lower-case letters, digits, inner hyphens.

    Empty where nothing of it can be kept, or where it is the name `text`.

    Example:
        >>> slug("A bar chart")
        'bar-chart'
    """
    name = re.sub(r"[^a-z0-9]+", "-", _ARTICLE.sub("", word.strip()).lower()).strip("-")
    name = name[:_LONGEST].rstrip("-")
    return "" if name == "text" else name
