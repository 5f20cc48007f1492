"""Where every random draw of a search gets its seed (contract: "Seeds")."""

from __future__ import annotations

import hashlib
from typing import Literal

Stage = Literal["search", "confirm", "transfer", "propose", "base", "design", "cut", "predict"]


def seed_for(search_seed: int, stage: Stage, k: int) -> int:
    """Derive the seed of draw `k` of a stage.

    Args:
        search_seed: `spec.search.seed`.
        stage: What draws. `search` counts trials, `confirm` fresh seeds, `propose` rounds.
        k: Number within the stage, from 0.

    Returns:
        The first 53 bits of SHA-256("SEED/STAGE/K"): exact in JSON numbers of any reader.

    Example:
        >>> seed_for(7, "search", 1) == seed_for(7, "search", 1) < 2**53
        True
    """
    digest = hashlib.sha256(f"{search_seed}/{stage}/{k}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 11
