"""Questions: a prefix, a core, and perhaps a question mark.

A quarter of the pairs of prefix and core is kept for the benchmarks: every word of theirs has been
seen in training, no question as a whole.
"""

from __future__ import annotations

from demo_corpus.sources import Rng, Stock

PREFIXES = ("", "please", "now", "image")
MARK = "?"


def ask(stock: Stock, rng: Rng, *cores: str, about: str = "") -> list[str]:
    """Return a question as words.

    Args:
        stock: Its side decides which pairs of prefix and core may be asked.
        rng: Which of them.
        cores: Ways to ask; `X` stands for what is asked about.
        about: The word in place of `X`.
    """
    while True:
        prefix, core = int(rng.integers(len(PREFIXES))), int(rng.integers(len(cores)))
        if ((prefix + core) % 4 == 3) == stock.is_held_out:
            break
    mark = MARK if rng.integers(2) else ""
    words = f"{PREFIXES[prefix]} {cores[core]} {mark}".split()
    return [about if word == "X" else word for word in words]
