"""Seeds are a fixed function of the document's seed."""

from __future__ import annotations

from mixatlas.contract.seeds import seed_for


def test_seeds_never_change_between_versions() -> None:
    assert seed_for(7, "search", 1) == 6474996008242553
    assert seed_for(7, "confirm", 0) == 6521369098350216


def test_stages_and_numbers_do_not_collide() -> None:
    seeds = {
        seed_for(s, stage, k)
        for s in range(3)
        for stage in ("search", "confirm", "propose")
        for k in range(50)
    }  # type: ignore[arg-type]
    assert len(seeds) == 3 * 3 * 50
